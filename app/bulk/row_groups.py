"""Rows of a dataset, some hundred at a time: of JSON and CSV as Python's values, of Parquet as Arrow's."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

ROWS = 1024
"""Rows of a chunk."""

Row = Mapping[str, Any]
NO_TYPE = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""What pyarrow raises for values that no type holds, or not the given one."""


class Chunk(Protocol):
    """Rows that follow each other."""

    def __len__(self) -> int: ...

    def take(self, indexes: Sequence[int]) -> Chunk:
        """Some of the rows."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """The rows in Python's values."""
        ...

    def types(self) -> dict[str, pa.DataType]:
        """The types that hold the values of its columns."""
        ...

    def table(self, schema: pa.Schema) -> pa.Table:
        """The rows in Arrow's values; a column that they do not have is null."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """A chunk of Python's values."""

    items: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, indexes: Sequence[int]) -> Rows:
        return Rows([self.items[index] for index in indexes])

    def rows(self) -> list[dict[str, Any]]:
        return self.items

    def types(self) -> dict[str, pa.DataType]:
        names = dict.fromkeys(name for item in self.items for name in item)
        return {name: _infer([item.get(name) for item in self.items]) for name in names}

    def table(self, schema: pa.Schema) -> pa.Table:
        return pa.table([self._column(field) for field in schema], schema=schema)

    def _column(self, field: pa.Field) -> pa.Array:
        values = [item.get(field.name) for item in self.items]
        if field.type == pa.string():
            values = [value if value is None or isinstance(value, str) else to_json(value) for value in values]
        return pa.array(values, type=field.type)


@dataclass(frozen=True, slots=True)
class Batch:
    """A chunk of Arrow's values."""

    batch: pa.RecordBatch

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def take(self, indexes: Sequence[int]) -> Batch:
        return Batch(self.batch.take(pa.array(indexes, type=pa.int64())))

    def rows(self) -> list[dict[str, Any]]:
        columns = [_python(column) for column in self.batch.columns]
        return [dict(zip(self.batch.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]

    def types(self) -> dict[str, pa.DataType]:
        return {field.name: field.type for field in self.batch.schema}

    def table(self, schema: pa.Schema) -> pa.Table:
        own = set(self.batch.schema.names)
        columns = [
            self.batch.column(field.name).cast(field.type) if field.name in own else pa.nulls(len(self), field.type)
            for field in schema
        ]
        return pa.table(columns, schema=schema)


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


def to_json(value: Any) -> str:
    """A value as JSON; what JSON has no form for, as text."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def to_bytes(value: Any) -> bytes:
    """The same in UTF-8; half a surrogate pair, which UTF-8 has no form for, stays escaped."""
    try:
        return to_json(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _infer(values: list[Any]) -> pa.DataType:
    try:
        return pa.infer_type(values)
    except NO_TYPE:
        return pa.string()


def _python(column: pa.Array) -> list[Any]:
    """Python's times end at microseconds."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values
