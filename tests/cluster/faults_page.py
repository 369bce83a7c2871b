"""The words that Kubernetes, Helm and KEDA say, held against those of docs/operations.md."""

from __future__ import annotations

import re

from tests.deploy.chart import HOUSE


def read() -> str:
    """The section of docs/operations.md on a failing cluster, in one line a paragraph."""
    text = (HOUSE / "docs/operations.md").read_text()
    found = re.search(r"^## When the cluster fails\n(.*?)^## ", text, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    return re.sub(r"\s+", " ", found.group(1))


def documented(page: str, said: str, words: str) -> None:
    """Words that are both said and on the page."""
    assert words in re.sub(r"\s+", " ", said), said
    assert words in page
