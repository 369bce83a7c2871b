"""The types of an output's columns: said by Parquet, or found out of values; what no type holds is JSON in texts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.forms import forms
from app.bulk.json_text import to_json

if TYPE_CHECKING:
    from app.bulk.row_groups import Chunk

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


def infer(chunks: Callable[[], Iterator[Chunk]], names: Iterable[str]) -> pa.Schema:
    """The columns of rows that do not say their types.

    Args:
        chunks: gives the rows; more than once: to find the types, and to see that they hold.
    """
    found: dict[str, pa.DataType | None] = {name: pa.null() for name in names}
    for chunk in chunks():
        for name, each in chunk.types().items():
            found[name] = _both(found[name], each)
    fields = [json_field(name) if each is None else pa.field(name, _filled(each)) for name, each in found.items()]
    return checked(chunks, pa.schema(fields))


def checked(chunks: Callable[[], Iterator[Chunk]], schema: pa.Schema) -> pa.Schema:
    """The same columns, but JSON in texts where Parquet does not hold the type or a value, so that it can be read."""
    fields = {field.name: field if _can_hold(field) else json_field(field.name) for field in schema}
    for chunk in chunks():
        for name in _not_held(chunk, fields):
            fields[name] = json_field(name)
    return pa.schema(list(fields.values()))


def _can_hold(field: pa.Field) -> bool:
    """Whether Parquet has a place for a type, whatever the values."""
    file = io.BytesIO()
    try:
        pq.ParquetWriter(file, pa.schema([field])).close()
        pq.read_table(io.BytesIO(file.getvalue()))
    except NO_TYPE:
        return False
    return True


def _not_held(chunk: Chunk, fields: Mapping[str, pa.Field]) -> list[str]:
    typed = [field for field in fields.values() if not is_json(field)]
    if not typed or _holds(chunk, typed):
        return []
    return [field.name for field in typed if not _holds(chunk, [field])]


def _holds(chunk: Chunk, fields: list[pa.Field]) -> bool:
    """Whether Parquet gives back what it is given of a chunk."""
    try:
        made = chunk.table(pa.schema(fields))
        read = _through_parquet(made)
    except NO_TYPE:
        return False
    if made.equals(read):
        return True
    return all(_alike(one, other) for one, other in zip(made.columns, read.columns, strict=True))


def _through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(io.BytesIO(file.getvalue()))


def _alike(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    """Whether the values are the same, though the types may differ, as those of seconds and of milliseconds do."""
    return to_json(list(chain.from_iterable(map(forms, one.chunks)))) == to_json(
        list(chain.from_iterable(map(forms, other.chunks)))
    )


def _both(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    """The type that holds the values of both."""
    if one is None or other is None or one == other:
        return one if one == other else None
    if any(map(pa.types.is_decimal, (one, other))) and any(map(pa.types.is_floating, (one, other))):
        return None  # pyarrow would make floats of both
    if _num_members(one) > MOST_MEMBERS or _num_members(other) > MOST_MEMBERS:
        return None
    try:
        fields = [pa.schema([("x", each)]) for each in (one, other)]
        return pa.unify_schemas(fields, promote_options="permissive").field("x").type
    except NO_TYPE:
        return None


def _num_members(kind: pa.DataType) -> int:
    inner = (_num_members(kind.field(index).type) for index in range(kind.num_fields))
    return max(int(kind.num_fields), *inner, 0)


def _filled(kind: pa.DataType) -> pa.DataType:
    """The same type, with texts where there are nothing but nulls."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_filled(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _filled(each.type)) for each in kind])
    return kind
