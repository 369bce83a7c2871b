"""A lock file of pip's, cut in two: one package with its hashes, and all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Locked:
    """``package`` is one requirement's text with its hashes, ``version`` its version, ``others`` all other text."""

    package: str
    version: str
    others: str


def split(path: Path, package: str) -> Locked:
    """A lock file's text on a package, and the rest of it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not pin the package.
    """
    text = path.read_text()
    pinned = re.search(rf"^{re.escape(package)}==(\S+)(?:[^\n]*\\\n)*[^\n]*\n", text, re.MULTILINE)
    if pinned is None:
        raise ValueError(f"{path} does not pin {package}")
    return Locked(pinned[0], pinned[1], text[: pinned.start()] + text[pinned.end() :])
