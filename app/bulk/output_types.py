"""The types of an output's columns: said by Parquet or found out of values, and tried before the first row is asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.column_types import MOST_MEMBERS, NO_TYPE, is_json, json_field
from app.bulk.forms import forms
from app.bulk.json_text import to_json
from app.bulk.row_groups import Chunk


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
