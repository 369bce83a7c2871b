"""Text of a client's where it is repeated: in an answer, a log, a terminal. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LONGEST = 200
"""Characters of a client's text that are repeated: whoever sent it knows the rest."""
LONGEST_MESSAGE = 1000
_UNBROKEN = re.compile(rf"\S{{{LONGEST + 1},}}")


def shown(text: object) -> str:
    """The beginning of a client's text, which tells that it is one where it is cut."""
    whole = str(text)
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 3]}..."


def bounded(message: str) -> str:
    """A sentence that may hold a client's text: no word of it is longer than `LONGEST`, and it ends somewhere."""
    whole = _UNBROKEN.sub(lambda word: shown(word[0]), message[: 2 * LONGEST_MESSAGE])
    return whole if len(whole) <= LONGEST_MESSAGE else f"{whole[: LONGEST_MESSAGE - 4]} ..."


def printable(text: str) -> str:
    """The text without characters that a terminal would obey, or not show: they are escaped as in Python."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that whoever wrote `name` probably meant; None if none is like it."""
    near = difflib.get_close_matches(shown(name).lower(), list(known), n=1)
    return near[0] if near else None
