"""The types that hold JSON's values, and the columns that are JSON in texts since no type does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

NO_TYPE = (pa.ArrowException, TypeError, ValueError, OverflowError, OSError, LookupError)
"""What pyarrow raises for values that no type holds or not the given one, or that Parquet does not hold."""
MOST_MEMBERS = 256
"""Of an object that becomes a struct: one with more is a table of its own."""
MOST_DEPTH = 16
"""Of values that become lists and structs."""
_EXACT = 2**53
"""Beyond it a float leaves integers out."""
_JSON = {b"form": b"json"}


def json_field(name: str) -> pa.Field:
    """A column of JSON in texts."""
    return pa.field(name, pa.string(), metadata=_JSON)


def is_json(field: pa.Field) -> bool:
    """Whether a column is JSON in texts that we make."""
    return (field.metadata or {}).items() >= _JSON.items()


def of_json(values: Sequence[Any], depth: int = 0) -> pa.DataType | None:
    """The type that holds some of JSON's values as they are; None if there is none."""
    values = [value for value in values if value is not None]
    found = set(map(type, values))
    if not found:
        return pa.null()
    if found == {list} and depth < MOST_DEPTH:
        inner = of_json(list(chain.from_iterable(values)), depth + 1)
        return None if inner is None else pa.list_(inner)
    if found == {dict} and depth < MOST_DEPTH:
        return _struct(values, depth)
    if found == {bool}:
        return pa.bool_()
    if found == {str}:
        return pa.string()
    return _number(found, values)


def _struct(values: Sequence[dict[str, Any]], depth: int) -> pa.DataType | None:
    names = list(dict.fromkeys(chain.from_iterable(values)))
    if not 0 < len(names) <= MOST_MEMBERS:
        return None
    fields = []
    for name in names:
        inner = of_json([value.get(name) for value in values], depth + 1)
        if inner is None or not _is_utf8(name):
            return None
        fields.append(pa.field(name, inner))
    return pa.struct(fields)


def _number(found: set[type], values: Sequence[Any]) -> pa.DataType | None:
    if not found <= {int, float}:
        return None
    least, most = min(filter(_is_int, values), default=0), max(filter(_is_int, values), default=0)
    if float in found:
        return pa.float64() if max(-least, most) <= _EXACT else None
    if least >= -(2**63) and most < 2**63:
        return pa.int64()
    return pa.uint64() if least >= 0 and most < 2**64 else None


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
