"""A number of bytes as an argument: ``24G``, ``512MiB``."""

from __future__ import annotations

from typing import Any

import click

from tasks.byte_sizes import bytes_of


class ByteSize(click.ParamType[int]):
    """Bytes; K, M, G and T are powers of 1,024, as memory is sold and told."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        count = bytes_of(value)
        if not count:
            self.fail(f"{value!r} is no size: write a number with M, G or T, such as 24G", param, ctx)
        return count
