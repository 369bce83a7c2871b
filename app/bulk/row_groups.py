"""Rows of a dataset, some hundred at a time: of JSON and CSV as Python's values, of Parquet as Arrow's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import pyarrow as pa

from app.bulk.column_types import NO_TYPE, is_json, of_json
from app.bulk.forms import forms
from app.bulk.json_text import to_text
from app.bulk.natives import natives

ROWS = 1024
"""Rows of a chunk."""

Row = Mapping[str, Any]


class Chunk(Protocol):
    """Rows that follow each other."""

    def __len__(self) -> int: ...

    def take(self, indexes: Sequence[int]) -> Chunk:
        """Some of the rows, in their order."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """The rows in Python's values, as templates have them."""
        ...

    def forms(self) -> list[dict[str, Any]]:
        """The rows in JSON's values, as they are written."""
        ...

    def types(self) -> dict[str, pa.DataType | None]:
        """The types that hold the values of its columns; None for values that no type holds together."""
        ...

    def table(self, schema: pa.Schema) -> pa.Table:
        """The rows in Arrow's values; a column that they do not have is null. Raises one of `NO_TYPE`."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """A chunk of JSON's values."""

    items: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, indexes: Sequence[int]) -> Rows:
        return Rows([self.items[index] for index in indexes])

    def rows(self) -> list[dict[str, Any]]:
        return self.items

    def forms(self) -> list[dict[str, Any]]:
        return self.items

    def types(self) -> dict[str, pa.DataType | None]:
        names = dict.fromkeys(chain.from_iterable(self.items))
        return {name: of_json([item.get(name) for item in self.items]) for name in names}

    def table(self, schema: pa.Schema) -> pa.Table:
        if not schema.names:
            return _no_columns(len(self))
        columns = [_array([item.get(field.name) for item in self.items], field) for field in schema]
        return pa.table(columns, schema=schema)


@dataclass(frozen=True, slots=True)
class Batch:
    """A chunk of Arrow's values: all rows of a batch, or those of some indexes."""

    batch: pa.RecordBatch
    taken: Sequence[int] | None = None

    def __len__(self) -> int:
        return int(self.batch.num_rows) if self.taken is None else len(self.taken)

    def take(self, indexes: Sequence[int]) -> Batch:
        return Batch(self.batch, indexes if self.taken is None else [self.taken[index] for index in indexes])

    def rows(self) -> list[dict[str, Any]]:
        return self._rows(natives)

    def forms(self) -> list[dict[str, Any]]:
        return self._rows(forms)

    def types(self) -> dict[str, pa.DataType | None]:
        return {field.name: field.type for field in self.batch.schema}

    def table(self, schema: pa.Schema) -> pa.Table:
        if not schema.names:
            return _no_columns(len(self))
        return pa.table([self._column(field) for field in schema], schema=schema)

    def _rows(self, values: Callable[[pa.Array], list[Any]]) -> list[dict[str, Any]]:
        columns = [self._picked(values(column)) for column in self.batch.columns]
        if not columns:
            return [{} for _ in range(len(self))]
        return [dict(zip(self.batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _picked(self, values: list[Any]) -> list[Any]:
        return values if self.taken is None else [values[index] for index in self.taken]

    def _column(self, field: pa.Field) -> pa.Array:
        if field.name not in self.batch.schema.names:
            return pa.nulls(len(self), field.type)
        column = self.batch.column(field.name)
        if is_json(field) and column.type != field.type:
            return _array(self._picked(forms(column)), field)
        column = column if self.taken is None else _take(column, self.taken)
        return column if column.type == field.type else column.cast(field.type)


def chunked(items: Iterable[dict[str, Any]]) -> Iterator[Chunk]:
    """Rows in chunks."""
    held: list[dict[str, Any]] = []
    for item in items:
        held.append(item)
        if len(held) == ROWS:
            yield Rows(held)
            held = []
    if held:
        yield Rows(held)


def _array(values: list[Any], field: pa.Field) -> pa.Array:
    """JSON's values in Arrow's."""
    if is_json(field):
        values = [None if value is None else to_text(value) for value in values]
    return pa.array(values, type=field.type)


def _no_columns(num_rows: int) -> pa.Table:
    return pa.table({"x": pa.nulls(num_rows)}).select([])


def _take(column: pa.Array, indexes: Sequence[int]) -> pa.Array:
    """Some of the values. pyarrow 26 has no `take` for views of text, for run-end encoding and for what holds them."""
    try:
        return column.take(pa.array(indexes, type=pa.int64()))
    except NO_TYPE:
        return pa.concat_arrays([column.slice(first, size) for first, size in _runs(indexes)] or [column.slice(0, 0)])


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Indexes that follow each other, as the first one and how many."""
    first = size = 0
    for index in indexes:
        if size and index == first + size:
            size += 1
            continue
        if size:
            yield first, size
        first, size = index, 1
    if size:
        yield first, size
