"""What is typed: a line, or a text of several lines between triple quotation marks (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

QUOTES = '"""'
_BEGUN = re.compile(rf"\s*(/system\s+|/set\s+\S+\s+|){QUOTES}(.*)", re.DOTALL)


class Unfinished(EOFError):
    """Raised when the input ends within a text of several lines."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is said."""

    text: str
    is_order: bool
    """Whether it is meant for the command; a text in quotation marks is for the model, whatever it begins with."""


def read_entry(read: Callable[[bool], str]) -> Entry:
    """The next thing that is said; lines of blanks alone are passed over.

    Args:
        read: gives the next line; is told whether a text has begun. It raises EOFError at the end.

    Raises:
        EOFError: nothing more is said.
        Unfinished: a text was begun, and its end is missing.
    """
    while not (line := read(False)).strip():
        pass
    begun = _BEGUN.fullmatch(line)
    if begun is None:
        return Entry(line.strip(), line.lstrip().startswith("/"))
    order, text = begun.groups()
    while QUOTES not in text:
        try:
            text += "\n" + read(True)
        except EOFError as exc:
            raise Unfinished(f"The text begun with {QUOTES} has no end, and was not sent.") from exc
    inside, _, behind = text.partition(QUOTES)
    whole = (inside + behind.rstrip()).strip("\n")
    return Entry(order + whole, bool(order)) if whole.strip() or order else read_entry(read)
