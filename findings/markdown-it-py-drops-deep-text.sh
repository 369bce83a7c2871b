#!/usr/bin/env bash
# markdown-it-py 4.3.0 (Python) leaves out, without a word, the text of what is nested too deep: its preset "commonmark"
# has maxNesting 20, where CommonMark has no limit. A quote within 19 others is shown, and within 20 it is gone; of lists
# every level counts twice. Whoever shows a rendered text keeps the text itself at hand.
#
# Seen: the word is there below 19 quotes and 9 lists, and gone below 20 and 10; with maxNesting 100 it is there.
#
# Exits 0 while that is so, 1 if it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check markdown-it-py==4.3.0
"$folder/venv/bin/python" -P - <<'PY'
import markdown_it
from markdown_it import MarkdownIt


def shown(sign: str, depth: int, **options: int) -> bool:
    return "word" in MarkdownIt("commonmark", options).render(sign * depth + "word")


found = [shown("> ", 19), shown("> ", 20), shown("- ", 9), shown("- ", 10), shown("> ", 20, maxNesting=100)]
print(markdown_it.__version__, found)
raise SystemExit(found != [True, False, True, False, True])
PY
