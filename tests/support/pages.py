"""What pages show to be done: the commands of their shell blocks, and their pieces of Python, in order."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(str(path.relative_to(HOUSE)) for path in (HOUSE / "docs").rglob("*.md")))
SHELL = ("sh", "bash", "shell", "console")
PROMPT = "$ "
"""Before a command in a block that has its output too."""
_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)
_HERE = re.compile(r"<<-?\s*['\"]?(\w+)")
_GOES_ON = re.compile(r"(\\|&&|\|)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its first line in the page, from 1."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """What somebody types who follows it: all of a shell block, and what stands after a prompt."""
        if self.language in SHELL:
            return list(_commands(self.text))
        prompted = (line.removeprefix(PROMPT) for line in self.text.splitlines() if line.startswith(PROMPT))
        return list(prompted) if self.language == "" else []

    @property
    def output(self) -> str:
        """What stands below what is typed after a prompt."""
        return "".join(line for line in self.text.splitlines(keepends=True) if not line.startswith(PROMPT))


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, which is named from the repository's root."""
    text = (HOUSE / page).read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 2, found["language"], textwrap.dedent(found["text"]))
        for found in _FENCED.finditer(text)
    ]


def spans(page: str) -> list[str]:
    """What stands between backquotes in the sentences and tables of a page."""
    text = _FENCED.sub("", (HOUSE / page).read_text())
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text)]


def _commands(text: str) -> Iterator[str]:
    """Each command of a shell's text, with all of its lines; without blank lines and lines of comment."""
    begun: list[str] = []
    for line in text.splitlines():
        if not begun and (not line.strip() or line.startswith("#")):
            continue
        begun.append(line)
        if _is_whole("\n".join(begun)):
            yield "\n".join(begun)
            begun = []
    if begun:
        raise ValueError(f"a shell would ask for more after: {begun[0]}")


def _is_whole(command: str) -> bool:
    """Whether a shell would run it, and not ask for another line."""
    here = _HERE.search(command)
    if _GOES_ON.search(command) or (here and here[1] not in command.splitlines()[1:]):
        return False
    if here:
        return True
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation is open
        return False
    return True
