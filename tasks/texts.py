"""Texts in messages: what a client sent, repeated in an answer, a log or a terminal; names that are known. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from caravan_client.texts import LONGEST, LONGEST_MESSAGE, bounded, shown

__all__ = ["LONGEST", "LONGEST_MESSAGE", "any_of", "bounded", "nearest", "printable", "shown"]


def printable(text: str) -> str:
    """The text without characters that a terminal would obey, or not show: they are escaped as in Python."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def any_of(names: Iterable[object]) -> str:
    """Names that there is a choice of: ``a, b or c``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} or {last}" if others else last


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that whoever wrote `name` probably meant; None if none is like it."""
    near = difflib.get_close_matches(shown(name).lower(), list(known), n=1)
    return near[0] if near else None
