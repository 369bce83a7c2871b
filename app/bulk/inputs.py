"""Reading a dataset: JSONL, CSV, Parquet, or a folder of them. Never more than a chunk is in memory."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.delimiters import SAMPLE_CHARACTERS, sniff
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.row_groups import ROWS, Batch, Chunk, chunked
from tasks.texts import any_of

KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
"""Kinds of files by their endings."""
TABS = ".tsv"
"""The ending of CSV files whose fields are separated by tabs."""
BOM = "\ufeff"
"""The byte order mark, which may begin a text."""
LONGEST_FIELD = 1 << 30
"""Of a CSV file; Python's own limit is 128 KiB."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file."""

    path: Path
    kind: str
    delimiter: str | None = None
    """Of a CSV file; None if it is to be found."""
    name: str = ""
    """As its errors name it; its path if left out."""

    @property
    def shown(self) -> str:
        return self.name or str(self.path)

    @classmethod
    def at(cls, path: Path, delimiter: str | None = None) -> Part:
        """The file at a path that has one of the endings. Raises BulkError for one that cannot be read."""
        said = "\t" if path.suffix == TABS and delimiter is None else delimiter
        return cls(path, KINDS[path.suffix], said).sniffed()

    def chunks(self) -> Iterator[Chunk]:
        """Its rows. Raises BulkError for a file that is not of its kind, with the line."""
        with as_bulk_error(self.path, "read"):
            if self.kind == "parquet":
                yield from self._parquet()
            elif self.kind == "csv":
                yield from chunked(self._csv())
            else:
                yield from chunked(self._jsonl())

    def schema(self) -> pa.Schema | None:
        """The types of its columns, if it says them."""
        return self._parquet_schema() if self.kind == "parquet" else None

    def names(self) -> tuple[str, ...]:
        """The names of its columns, as far as it says them apart from its rows."""
        with as_bulk_error(self.path, "read"):
            if self.kind == "parquet":
                names = self._parquet_schema().names
                _check_twice(self.shown, names)
                return tuple(names)
            if self.kind == "csv":
                with self._open() as raw, io.TextIOWrapper(raw, "utf-8", "replace", newline="") as file:
                    return tuple(next(csv.reader(file, delimiter=self.delimiter or ","), []))
        return ()

    def sniffed(self) -> Part:
        """The same file with its delimiter found, if it is CSV. Raises BulkError for a file that cannot be read."""
        if self.kind != "csv" or self.delimiter is not None:
            return self
        with (
            as_bulk_error(self.path, "read"),
            self._open() as raw,
            io.TextIOWrapper(raw, "utf-8", "replace", newline="") as file,
        ):
            return replace(self, delimiter=sniff(file.read(SAMPLE_CHARACTERS)))

    def _jsonl(self) -> Iterator[dict[str, Any]]:
        with self._open() as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                where = f"{self.shown}, line {number},"
                try:
                    row = json.loads(line, object_pairs_hook=_object)
                except ValueError as exc:
                    raise BulkError(f"{where} is not JSON: {exc}.") from exc
                except RecursionError as exc:
                    raise BulkError(f"{where} is nested too deep.") from exc
                if not isinstance(row, dict):
                    raise BulkError(f"{where} is not a JSON object.")
                if isinstance(row, _Repeating):
                    raise BulkError(f"{where} has two columns of one name, {row.name!a}.")
                yield row

    def _csv(self) -> Iterator[dict[str, Any]]:
        csv.field_size_limit(LONGEST_FIELD)
        with self._open() as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter or ",", strict=True)
            try:
                header = next(reader, [])
                _check_twice(self.shown, header)
                for values in reader:
                    if not values:
                        continue
                    if len(values) != len(header):
                        where = f"{self.shown}, line {reader.line_num},"
                        raise BulkError(f"{where} has {len(values)} fields, and the header has {len(header)}.")
                    yield dict(zip(header, values, strict=True))
            except csv.Error as exc:
                raise BulkError(f"{self.shown}, line {reader.line_num}, is not CSV: {exc}.") from exc
            except UnicodeDecodeError as exc:
                raise BulkError(f"{self.shown} is not UTF-8, near line {reader.line_num + 1}.") from exc

    def _open(self) -> BinaryIO:
        """The file of texts after its byte order mark. Raises BulkError for one of 16 or 32 bits a character."""
        file = self.path.open("rb")
        begin = file.read(4)
        if encoding := wide_encoding(begin):
            file.close()
            raise BulkError(f"{self.shown} is {encoding}. Save it as UTF-8.")
        file.seek(len(BOM.encode()) if begin.startswith(BOM.encode()) else 0)
        return file

    def _parquet_schema(self) -> pa.Schema:
        try:
            return pq.read_schema(self.path)
        except pa.ArrowException as exc:
            raise BulkError(f"{self.shown} is not a readable Parquet file: {exc}.") from exc

    def _parquet(self) -> Iterator[Chunk]:
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=ROWS):
                    yield Batch(batch)
        except pa.ArrowException as exc:
            raise BulkError(f"{self.shown} is not a readable Parquet file: {exc}.") from exc


class _Repeating(dict[str, Any]):
    """A JSON object that has a name twice; the last value counts."""

    name = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating = _Repeating(found)
    repeating.name = _twice([name for name, _ in pairs])
    return repeating


def _check_twice(path: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise BulkError(f"{path} has two columns of one name, {_twice(names)!a}.")


def _twice(names: Sequence[str]) -> str:
    return next(name for name, times in Counter(names).items() if times > 1)


def wide_encoding(begin: bytes) -> str | None:
    """UTF-16 or UTF-32, if a text begins so: with its byte order mark, or with a letter and the zeros around it."""
    found = json.detect_encoding(begin)
    if not begin or found.startswith("utf-8"):
        return None
    return "-".join(found.upper().split("-")[:2])


@dataclass(frozen=True, slots=True)
class Survey:
    """What an input holds: how many rows, the names of its columns, and a digest of all of it."""

    num_rows: int
    columns: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset: the rows of its files, in the order of their names."""

    parts: tuple[Part, ...]

    @classmethod
    def find(cls, path: Path, delimiter: str | None = None) -> Input:
        """The dataset at a path. Raises BulkError if there is none.

        Args:
            delimiter: of its CSV files; None if it is to be found.
        """
        if path.is_dir():
            files = sorted(each for each in path.iterdir() if each.suffix in KINDS and each.is_file())
            if not files:
                raise BulkError(f"{path} holds no file that ends in {', '.join(KINDS)}.")
            return cls(tuple(Part.at(each, delimiter) for each in files))
        if not path.exists():
            raise BulkError(f"There is no file {path}.")
        if path.suffix not in KINDS:
            raise BulkError(f"{path} must end in {any_of(KINDS)}. Or give - for INPUT, --format, and pipe it in.")
        return cls((Part.at(path, delimiter),))

    def survey(self) -> Survey:
        """Read all of it once. Raises BulkError for what cannot be read, before any of it is run."""
        num_rows, columns, digest = 0, dict[str, None](), self.digest()
        for part in self.parts:
            columns.update(dict.fromkeys(part.names()))
            for chunk in part.chunks():
                num_rows += len(chunk)
                for names in _names(chunk):
                    columns.update(dict.fromkeys(names))
        return Survey(num_rows, tuple(columns), digest)

    def digest(self) -> str:
        """One of all its bytes."""
        found = hashlib.sha256()
        for part in self.parts:
            with as_bulk_error(part.path, "read"), part.path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        return found.hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        for part in self.parts:
            yield from part.chunks()


def _names(chunk: Chunk) -> Iterator[tuple[str, ...]]:
    """The names of its columns, each set of them once."""
    if isinstance(chunk, Batch):
        yield tuple(chunk.batch.schema.names)
    else:
        yield from dict.fromkeys(tuple(row) for row in chunk.rows())
