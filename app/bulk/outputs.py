"""Writing a dataset as JSONL, CSV or Parquet, by the ending of its name."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.errors import BulkError
from app.bulk.inputs import BOM
from app.bulk.json_text import to_bytes, to_text
from app.bulk.row_groups import Chunk, Rows
from tasks.texts import any_of

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
    def __init__(self, file: BinaryIO, names: Sequence[str], columns: pa.Schema | None, more: pa.Schema) -> None:
        self._file = file
        self._names = frozenset(names)

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        for row, extra in zip(chunk.forms(), more, strict=True):
            own = row if row.keys() <= self._names else {name: row[name] for name in row if name in self._names}
            self._file.write(to_bytes({**own, **extra}) + b"\n")

    def end(self) -> None:
        pass


class _Csv:
    """Lines end as Unix has them; cells with any line end in them are quoted, as readers need it."""

    def __init__(self, file: BinaryIO, names: Sequence[str], columns: pa.Schema | None, more: pa.Schema) -> None:
        self._file = file
        self._names = [*names, *more.names]
        if self._names[0].startswith(BOM):  # a reader takes the first one for the file's
            self._file.write(BOM.encode())
        self._write([dict(zip(self._names, self._names, strict=True))])

    def write(self, chunk: Chunk, more: Sequence[Mapping[str, Any]]) -> None:
        self._write([{**row, **extra} for row, extra in zip(chunk.forms(), more, strict=True)])

    def end(self) -> None:
        pass

    def _write(self, rows: list[dict[str, Any]]) -> None:
        lines = _Lines()
        csv.writer(lines, lineterminator="\r\n").writerows(
            [_cell(row.get(name)) for name in self._names] for row in rows
        )
        self._file.write("".join(lines.made).encode("utf-8", "replace"))


class _Lines:
    """What a `csv.writer` writes. It quotes the characters of its line end alone (Python 3.11), so that is both."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def write(self, line: str) -> None:
        self.made.append(line.removesuffix("\r\n") + "\n")


class _Parquet:
    def __init__(self, file: BinaryIO, names: Sequence[str], columns: pa.Schema | None, more: pa.Schema) -> None:
        assert columns is not None, "it needs types"
        self._columns = columns
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
        raise BulkError(f"{path} must end in {any_of(_WRITERS)}.")


def needs_types(path: Path) -> bool:
    """Whether the columns' types have to be known."""
    return path.suffix == ".parquet"


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise BulkError for columns that the output cannot keep apart, or has no name for."""
    if path.suffix not in (".csv", ".parquet"):  # JSON has all names
        return
    written: dict[str, str] = {}
    for name in names:
        form = _utf8(name)
        if form != name and needs_types(path):
            raise BulkError(f"Parquet has no name for the column {name!a}: it is not UTF-8. Rename it.")
        if form in written:
            raise BulkError(f"The columns {written[form]!a} and {name!a} would have one name in {path}. Rename one.")
        written[form] = name


def writer(path: Path, file: BinaryIO, names: Sequence[str], columns: pa.Schema | None, more: pa.Schema) -> Writer:
    """A writer of rows with the input's columns and further ones, of the kind that `path` ends in.

    Args:
        names: of the input's columns; others are not written.
        columns: their types, if `needs_types`.
    """
    return _WRITERS[path.suffix](file, names, columns, more)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _cell(value: Any) -> str:
    """A value as a cell: texts as they are, null as nothing, all else as JSON; but NaN and infinities by name."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return to_text(value)
