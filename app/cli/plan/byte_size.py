"""A number of bytes as an argument: ``24G``, ``512MiB``."""

from __future__ import annotations

import re
from typing import Any

import click

_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class ByteSize(click.ParamType[int]):
    """Bytes; K, M, G and T are powers of 1,024, as memory is sold and told."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _FORM.fullmatch(value.strip())
        count = int(float(match[1]) * 1024 ** _POWERS[match[2].upper()]) if match else 0
        if not count:
            self.fail(f"{value!r} is no size: write a number with M, G or T, such as 24G", param, ctx)
        return count
