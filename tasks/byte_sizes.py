"""Bytes in words."""

from __future__ import annotations

import re

_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: float) -> str:
    """Bytes as people read them: ``1.5 GiB``, ``20 MiB``."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if count < 10 and unit else f"{count:.0f} {_UNITS[unit]}"


def bytes_of(text: str) -> int:
    """The bytes that a size tells: ``24G``, ``512MiB``, ``1000``; K, M, G and T are powers of 1,024, as memory is sold.

    0 if it is no size.
    """
    match = _FORM.fullmatch(text.strip())
    return int(float(match[1]) * 1024 ** _POWERS[match[2].upper()]) if match else 0
