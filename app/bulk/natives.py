"""A column of Arrow's as Python's values, for templates."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

from app.bulk.forms import is_binary, leaf_forms, walk

_NO_PYTHON = (ValueError, OverflowError, LookupError, TypeError, pa.ArrowException)
"""What pyarrow raises for times that Python has no type for, and for zones that are not known."""


def natives(column: pa.Array) -> list[Any]:
    """The values for templates: as `forms`, but times, decimals and bytes are Python's, as far as Python has them.

    Python's times end at microseconds, and what is beyond them is cut off.
    """
    return walk(column, _native)


def _native(column: pa.Array) -> list[Any]:
    kind = column.type
    if not (kinds.is_temporal(kind) or kinds.is_decimal(kind) or is_binary(kind)) or kinds.is_interval(kind):
        return leaf_forms(column)
    try:
        values: list[Any] = _to_microseconds(column).to_pylist()
        return values
    except _NO_PYTHON:
        return [_one_native(column.slice(row, 1)) for row in range(len(column))]


def _one_native(column: pa.Array) -> Any:
    try:
        return _to_microseconds(column)[0].as_py()
    except _NO_PYTHON:
        return leaf_forms(column)[0]


def _to_microseconds(column: pa.Array) -> pa.Array:
    kind = column.type
    if kinds.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if kinds.is_time64(kind) and kind.unit == "ns":
        return column.cast(pa.time64("us"), safe=False)
    if kinds.is_duration(kind) and kind.unit == "ns":
        return column.cast(pa.duration("us"), safe=False)
    return column
