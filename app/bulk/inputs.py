"""Reading a dataset: JSONL, CSV, Parquet, or a folder of them. Never more than a chunk is in memory."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.row_groups import ROWS, Batch, Chunk, chunked

KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""Kinds of files by their endings."""
LONGEST_FIELD = 1 << 30
"""Of a CSV file; Python's own limit is 128 KiB."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file."""

    path: Path
    kind: str

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
                return tuple(self._parquet_schema().names)
            if self.kind == "csv":
                with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                    return tuple(next(csv.reader(file), []))
        return ()

    def _jsonl(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as exc:
                    raise BulkError(f"{self.path}, line {number}, is not JSON: {exc}.") from exc
                if not isinstance(row, dict):
                    raise BulkError(f"{self.path}, line {number}, is not a JSON object.")
                yield row

    def _csv(self) -> Iterator[dict[str, Any]]:
        csv.field_size_limit(LONGEST_FIELD)
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                header = next(reader, [])
                if len(set(header)) < len(header):
                    raise BulkError(f"{self.path} has two columns with the same name.")
                for values in reader:
                    if not values:
                        continue
                    if len(values) != len(header):
                        where = f"{self.path}, line {reader.line_num},"
                        raise BulkError(f"{where} has {len(values)} fields, and the header has {len(header)}.")
                    yield dict(zip(header, values, strict=True))
            except csv.Error as exc:
                raise BulkError(f"{self.path}, line {reader.line_num}, is not CSV: {exc}.") from exc
            except UnicodeDecodeError as exc:
                raise BulkError(f"{self.path} is not UTF-8, near line {reader.line_num + 1}.") from exc

    def _parquet_schema(self) -> pa.Schema:
        try:
            return pq.read_schema(self.path)
        except pa.ArrowException as exc:
            raise BulkError(f"{self.path} is not a readable Parquet file: {exc}.") from exc

    def _parquet(self) -> Iterator[Chunk]:
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=ROWS):
                    yield Batch(batch)
        except pa.ArrowException as exc:
            raise BulkError(f"{self.path} is not a readable Parquet file: {exc}.") from exc


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
    def find(cls, path: Path) -> Input:
        """The dataset at a path. Raises BulkError if there is none."""
        if path.is_dir():
            files = sorted(each for each in path.iterdir() if each.suffix in KINDS and each.is_file())
            parts = tuple(Part(each, KINDS[each.suffix]) for each in files)
            if not parts:
                raise BulkError(f"{path} holds no file that ends in {', '.join(KINDS)}.")
            return cls(parts)
        if not path.exists():
            raise BulkError(f"There is no {path}.")
        if path.suffix not in KINDS:
            raise BulkError(f"{path} must end in {', '.join(KINDS)}.")
        return cls((Part(path, KINDS[path.suffix]),))

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


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of an input are run: a sample of so many, the first so many, both, or all."""

    sample: int | None = None
    limit: int | None = None

    def count(self, num_rows: int) -> int:
        return min([num_rows, *(most for most in (self.sample, self.limit) if most is not None)])

    def of(self, source: Input, survey: Survey) -> Iterator[Chunk]:
        """The rows that are run, always the same ones of the same input."""
        chosen = islice(self._indexes(survey), self.limit)
        begin, wanted = 0, next(chosen, None)
        for chunk in source.chunks():
            indexes = []
            while wanted is not None and wanted < begin + len(chunk):
                indexes.append(wanted - begin)
                wanted = next(chosen, None)
            begin += len(chunk)
            if indexes:
                yield chunk if len(indexes) == len(chunk) else chunk.take(indexes)
            if wanted is None:
                return

    def _indexes(self, survey: Survey) -> Iterator[int]:
        """Selection sampling (Knuth, volume 2, 3.4.2, algorithm S): each row is taken as likely as any other."""
        if self.sample is None:
            yield from range(survey.num_rows)
            return
        draw, missing = random.Random(survey.digest), min(self.sample, survey.num_rows)
        for index in range(survey.num_rows):
            if draw.random() * (survey.num_rows - index) < missing:
                missing -= 1
                yield index
