"""The input of a run: its rows and columns, and whether they can be asked and written, checked before the first row."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from app.bulk import outputs
from app.bulk.asking import Question
from app.bulk.assemble import failures_path
from app.bulk.choice import Choice
from app.bulk.columns import AnswerColumns, failure_columns
from app.bulk.described import described
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.folder import replacing
from app.bulk.inputs import Input, Part, Survey
from app.bulk.old_failures import old_failures
from app.bulk.output_types import checked, infer
from app.bulk.report import Report
from app.bulk.row_groups import Chunk, Row

STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where rows come from, as the user says it: a path, or standard input and its kind."""

    path: Path
    stdin: BinaryIO
    stdin_kind: str
    delimiter: str | None = None

    def find(self, folder: Path) -> Input:
        """The input; that of standard input is kept in the folder, so that the run can go on with it."""
        if self.path != STANDARD_INPUT:
            found = Input.find(self.path, self.delimiter)
            self._check_delimiter(part.kind for part in found.parts)
            return found
        self._check_delimiter([self.stdin_kind])
        spool = folder / "input"
        if not spool.exists() or not self.stdin.isatty():
            with as_bulk_error(spool, "write"), replacing(spool) as file:
                shutil.copyfileobj(self.stdin, file)
        name = f"standard input (--format {self.stdin_kind})"
        return Input((Part(spool, self.stdin_kind, self.delimiter, name).sniffed(),))

    def _check_delimiter(self, kinds: Iterable[str]) -> None:
        if self.delimiter is not None and "csv" not in kinds:
            raise BulkError(f"--delimiter is for CSV, and {self.path} is none: leave it out.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """An input, what is in it, and the rows of it that are asked about.

    Args:
        columns: those that it gets.
        names: those of its own that the output has.
        old: those that the output has not.
        schema: the types of its own; None if the output needs none.
    """

    source: Input
    survey: Survey
    choice: Choice
    columns: AnswerColumns
    names: Sequence[str]
    old: frozenset[str]
    schema: pa.Schema | None

    @classmethod
    def of(
        cls, source: Input, choice: Choice, columns: AnswerColumns, *,
        question: Question, output: Path, report: Report, typed: bool = True,
    ) -> Dataset:  # fmt: skip
        """What is in an input; raises BulkError for what cannot be asked or written. `typed`: with its types."""
        for part in source.parts:
            refuse_overwriting(part.path, output)
        survey = source.survey()
        report.say(described(source, survey))
        _check_question(question, survey)
        if survey.num_rows > 1 and (remark := question.remark(survey.columns)):
            report.say(remark)
        old = old_failures(source, survey.columns)
        names = tuple(name for name in survey.columns if name not in old)
        if taken := [name for name in columns.schema.names if name in names]:
            raise BulkError(
                f"The input has a column {', '.join(taken)} already, which answers would overwrite. "
                "Rename it there, or give another --column or other properties in the schema."
            )
        for more in (columns.schema.names, failure_columns(names).names):
            outputs.check_names(output, [*names, *more])
        needed = typed and outputs.needs_types(output)
        schema = _schema(source, survey, choice, names) if needed else None
        return cls(
            source=source, survey=survey, choice=choice, columns=columns, names=names, old=old, schema=schema
        )  # fmt: skip

    @property
    def num_rows(self) -> int:
        """Those that are asked about."""
        return self.choice.count(self.survey.num_rows)

    def chunks(self) -> Iterator[Chunk]:
        return self.choice.of(self.source, self.survey)

    def rows(self, done: int = 0) -> Iterator[Row]:
        """The rows after so many."""
        for chunk in self.chunks():
            if done >= len(chunk):
                done -= len(chunk)
                continue
            yield from chunk.rows()[done:]
            done = 0


def refuse_overwriting(source: Path, output: Path) -> None:
    """Raise BulkError for an input in whose place the output, or the file of failed rows, would be written."""
    if source.absolute() in (output.absolute(), failures_path(output).absolute()):
        raise BulkError(f"{source} is the input, and would be overwritten. Give another -o.")


def _check_question(question: Question, survey: Survey) -> None:
    """Raise BulkError for columns that a question needs and an input does not have."""
    if missing := question.missing(frozenset(survey.columns)):
        there = f"There are {', '.join(survey.columns)}." if survey.columns else "The input is empty."
        hint = question.hint(frozenset(survey.columns))
        raise BulkError(f"There is no column {', '.join(missing)}. {there} {hint}".rstrip())


def _schema(source: Input, survey: Survey, choice: Choice, names: Sequence[str]) -> pa.Schema:
    """The types of the input's columns: said by Parquet, texts in CSV, else found."""
    said = [part.schema() for part in source.parts]

    def chunks() -> Iterator[Chunk]:
        return choice.of(source, survey)

    if len(said) == 1 and said[0] is not None:
        return checked(chunks, pa.schema([said[0].field(name) for name in names]))
    if all(part.kind == "csv" for part in source.parts):
        return pa.schema([(name, pa.string()) for name in names])
    found = infer(chunks, survey.columns)
    return pa.schema([found.field(name) for name in names])
