"""Code points that stand for characters: surrogates, of which no text consists.

A text that is written so has as many code points: a place in the one is the same place in the other.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, Final

import numpy as np

from tasks.errors import InvalidRequest

FIRST: Final = 0xD800
LONG: Final = 512
"""Characters from which on an array is faster than a table."""
_MOVED: Final = tuple(
    chain(range(0x400), range(0x2000, 0x2100), range(0x2500, 0x2600), range(0x3000, 0x3100), range(0xFF00, 0x10000))
)
"""As many characters as there are surrogates. Every special token has one of these: ASCII's, Latin, Greek, signs, and
the wide forms of ASCII's."""
_TAKEN: Final = re.compile("[\ud800-\udfff]")
_TABLE: Final = {
    code: code if code < 0x20 or chr(code) in '"\\\x7f' or chr(code).isspace() else FIRST + place
    for place, code in enumerate(_MOVED)
}
"""Blanks, control characters, quotation marks and backslashes stay, so that texts can be trimmed, and escaped as JSON
does it."""
_BACK: Final = {stands: code for code, stands in _TABLE.items()}


def _array(table: dict[int, int]) -> Any:
    array = np.arange(0x10000, dtype="<u4")
    array[list(table)] = list(table.values())
    return array


_ARRAY: Final = _array(_TABLE)
_BACK_ARRAY: Final = _array(_BACK)


def write(text: str) -> str:
    """A text in the code points that stand for its characters.

    Raises:
        InvalidRequest: it has some of these already, and so is no text.
    """
    if not text.isascii() and _TAKEN.search(text):
        raise InvalidRequest("A text has half of a character: a surrogate without its other.", param="messages")
    return text.translate(_TABLE) if len(text) < LONG else _changed(text, _ARRAY)


def read(written: str) -> str:
    """What was written, wherever a text is written so; the text itself, if that is nowhere."""
    if written.isascii() or not _TAKEN.search(written):
        return written
    return written.translate(_BACK) if len(written) < LONG else _changed(written, _BACK_ARRAY)


def _changed(text: str, array: Any) -> str:
    """By numpy's own texts: the codec of UTF-32 calls a handler for each surrogate, which takes 30 times as long."""
    codes = np.array([text + "."]).view("<u4")  # numpy cuts NULs at an end: one character more keeps them
    small = codes < len(array)
    codes[small] = array[codes[small]]
    return str(codes.view(f"<U{len(text) + 1}")[0])[:-1]
