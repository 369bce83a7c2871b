"""Text of a client's where it is repeated: in an answer, a log, a terminal. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from caravan_client.texts import LONGEST, LONGEST_MESSAGE, bounded, shown

__all__ = ["LONGEST", "LONGEST_MESSAGE", "bounded", "nearest", "printable", "shown"]


def printable(text: str) -> str:
    """The text without characters that a terminal would obey, or not show: they are escaped as in Python."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that whoever wrote `name` probably meant; None if none is like it."""
    near = difflib.get_close_matches(shown(name).lower(), list(known), n=1)
    return near[0] if near else None
