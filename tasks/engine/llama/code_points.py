"""Code points that stand for characters, in a plane of which Unicode assigns none.

A text that is written so has as many of them: a place in the one is the same place in the other.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

from tasks.errors import InvalidRequest

PLANE: Final = 0xD0000
"""Code points from here on; so many as characters that are written so. Those beyond stay as they are."""
LONG: Final = 512
"""Characters from which on an array is faster than a table."""
_SIZE: Final = 0x10000
_TAKEN: Final = re.compile(f"[{chr(PLANE)}-{chr(PLANE + _SIZE - 1)}]")
_KEPT: Final = np.array([code < 0x20 or chr(code) in '"\\\x7f' or chr(code).isspace() for code in range(_SIZE)])
"""Characters that stay as they are, so that texts can be trimmed, and escaped as JSON does it."""
_UTF_32: Final = "utf-32-le"


def write(text: str) -> str:
    """A text in the code points that stand for its characters.

    Raises:
        InvalidRequest: it has some of these already.
    """
    if not text.isascii() and _TAKEN.search(text):
        raise InvalidRequest("A text has code points from U+D0000 on, of which Unicode assigns none.", param="messages")
    if len(text) < LONG:
        return text.translate(_QUOTES)
    codes = _codes(text)
    small = codes < _SIZE
    codes[small & ~_KEPT[np.where(small, codes, 0)]] += PLANE
    return str(codes.tobytes(), _UTF_32)


def read(written: str) -> str:
    """What was written, wherever a text is written so; the text itself, if that is nowhere."""
    if written.isascii() or not _TAKEN.search(written):
        return written
    if len(written) < LONG:
        return written.translate(_SAYS)
    codes = _codes(written)
    codes[(codes >= PLANE) & (codes < PLANE + _SIZE)] -= PLANE
    return str(codes.tobytes(), _UTF_32)


def _codes(text: str) -> Any:
    return np.frombuffer(text.encode(_UTF_32), "<u4").copy()


class _Quotes(dict[int, int]):
    """From characters to what is written for them; what was asked once is kept."""

    def __missing__(self, code: int) -> int:
        if code >= _SIZE:
            return code
        self[code] = code if _KEPT[code] else code + PLANE
        return self[code]


class _Says(dict[int, int]):
    """The way back."""

    def __missing__(self, code: int) -> int:
        if not PLANE <= code < PLANE + _SIZE:
            return code
        self[code] = code - PLANE
        return self[code]


_QUOTES: Final = _Quotes()
_SAYS: Final = _Says({code: code for code in range(128)})
