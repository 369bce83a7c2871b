"""Writing a dataset as JSONL, CSV or Parquet, by the ending of its name."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.errors import BulkError
from app.bulk.row_groups import Chunk, Rows, to_bytes, to_json

GROUP_ROWS = 1 << 14
"""Rows of a row group of Parquet: few enough to hold, many enough to be read fast."""


class Writer(Protocol):
    """Rows on their way into a file, which somebody else closes."""

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, each with further columns."""
        ...

    def end(self) -> None:
        """Write what comes after the last row."""
        ...


class _Jsonl:
    def __init__(self, file: BinaryIO, columns: pa.Schema, more: pa.Schema) -> None:
        self._file = file

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        for row, extra in zip(chunk.rows(), more, strict=True):
            self._file.write(to_bytes({**row, **extra}) + b"\n")

    def end(self) -> None:
        pass


class _Csv:
    def __init__(self, file: BinaryIO, columns: pa.Schema, more: pa.Schema) -> None:
        self._file = file
        self._names = list(dict.fromkeys([*columns.names, *more.names]))
        self._write([dict(zip(self._names, self._names, strict=True))])

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        self._write([{**row, **extra} for row, extra in zip(chunk.rows(), more, strict=True)])

    def end(self) -> None:
        pass

    def _write(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_cell(row.get(name)) for name in self._names] for row in rows)
        self._file.write(text.getvalue().encode("utf-8", "replace"))


class _Parquet:
    def __init__(self, file: BinaryIO, columns: pa.Schema, more: pa.Schema) -> None:
        self._columns = pa.schema([field for field in columns if field.name not in more.names])
        self._more = more
        self._schema = pa.schema([*self._columns, *more])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._held: list[pa.Table] = []
        self._num_held = 0

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        own, extra = chunk.table(self._columns), Rows([dict(each) for each in more]).table(self._more)
        self._held.append(pa.table([*own.columns, *extra.columns], schema=self._schema))
        self._num_held += len(chunk)
        if self._num_held >= GROUP_ROWS:
            self._flush()

    def end(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=GROUP_ROWS)
            self._held, self._num_held = [], 0


_WRITERS: dict[str, type[_Jsonl | _Csv | _Parquet]] = {
    ".jsonl": _Jsonl,
    ".ndjson": _Jsonl,
    ".csv": _Csv,
    ".parquet": _Parquet,
}


def check_ending(path: Path) -> None:
    """Raise BulkError for a name that does not say what to write."""
    if path.suffix not in _WRITERS:
        raise BulkError(f"{path} must end in {', '.join(_WRITERS)}.")


def needs_types(path: Path) -> bool:
    """Whether the columns' types have to be known."""
    return path.suffix == ".parquet"


def writer(path: Path, file: BinaryIO, columns: pa.Schema, more: pa.Schema) -> Writer:
    """A writer of rows with the input's columns and further ones, of the kind that `path` ends in."""
    return _WRITERS[path.suffix](file, columns, more)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    text = to_json(value)
    return text[1:-1] if text.startswith('"') and "\\" not in text else text
