"""One `caravan bulk run`, from its input to its output."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pyarrow as pa

from app.bulk import outputs
from app.bulk.asking import Question
from app.bulk.assemble import assemble, failures_path
from app.bulk.choice import Choice
from app.bulk.columns import AnswerColumns, failure_columns
from app.bulk.described import described
from app.bulk.errors import BulkError, Refused, as_bulk_error
from app.bulk.folder import Folder, lock, replacing
from app.bulk.inputs import KINDS, Input, Part, Survey
from app.bulk.journal import Journal, Tally
from app.bulk.old_failures import old_failures
from app.bulk.output_types import checked, infer
from app.bulk.preparing import mark, prepared
from app.bulk.preview import Previewed
from app.bulk.report import Report
from app.bulk.resume import Will, begin, kept
from app.bulk.row_groups import Chunk, Row
from app.bulk.run import Limits, Run
from caravan_client import AsyncClient

STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """What is to be made of what. `asked` names all that the answers depend on beside the input.

    `restart`, `retry` and `keep` are what becomes of an earlier run, see `Will`.
    """

    source: Path
    stdin: BinaryIO
    stdin_kind: str
    delimiter: str | None = None
    output: Path
    question: Question
    column: str
    choice: Choice
    limits: Limits
    restart: bool
    retry: bool = False
    keep: bool = False
    asked: dict[str, Any]

    def __call__(self, connect: Callable[[], AsyncClient], report: Report) -> Tally:
        """Make the output. Raises BulkError, which says whether the same goes on from where it was."""
        columns = self._columns()
        will = Will(restart=self.restart, retry=self.retry, keep=self.keep)
        path, held = lock(self.output, restart=will.restart, retry=will.retry)
        try:
            source = self._input(path)
            data = self._data(source, columns, report)
            asked = {"the input": data.survey.digest, **self.asked}
            folder = begin(path, held, asked, will, lambda: self._marks(data))
        except BaseException:
            if not (path / "run.json").exists():
                shutil.rmtree(path, ignore_errors=True)
            held.release()
            raise
        try:
            journal = Journal.open(folder.journal)
            try:
                with report:
                    asyncio.run(self._ask(connect, folder, data, journal, report))
            except Refused:
                if folder.note.is_first and journal.tally.num_failed == journal.tally.num_rows:
                    folder.remove()
                raise
            finally:
                journal.close()
            self._assemble(folder, data, journal)
            if journal.tally.num_failed:
                folder.finish(journal.tally.num_failed)
            else:
                folder.remove()
        finally:
            folder.close()
        return journal.tally

    def preview(self, count: int, report: Report) -> Preview:
        """The first rows as they would be asked. Writes nothing beside OUTPUT; raises BulkError as a run does."""
        columns = self._columns()
        with TemporaryDirectory(prefix="caravan-preview-") as folder:
            source = self._input(Path(folder))
            data = self._data(source, columns, report, typed=False)
            asked = [Previewed.of(row, self.question) for row in islice(_rows(data, self.choice, 0), count)]
        return Preview(asked, columns, self.choice.count(data.survey.num_rows))

    def _columns(self) -> AnswerColumns:
        outputs.check_ending(self.output)
        if self.question.schema is not None and self.question.options.get("stop"):
            raise BulkError("--stop would cut JSON in its middle: leave it out where there is a --schema.")
        return AnswerColumns.of(self.question.schema, self.column)

    async def _ask(
        self, connect: Callable[[], AsyncClient], folder: Folder, data: _Data, journal: Journal, report: Report
    ) -> None:
        total, done = self.choice.count(data.survey.num_rows), journal.tally.num_rows
        if done:
            report.say(f"Resuming after {done} of {total} rows.")
        if data.old:
            report.say(f"{' and '.join(sorted(data.old))} of the input are of an earlier run, and are not written.")
        async with connect() as client:
            run = Run(
                client=client,
                journal=journal,
                rows=prepared(
                    self.question,
                    _rows(data, self.choice, done),
                    first=done,
                    kept=kept(folder, done),
                    dedup=self.limits.dedup,
                ),
                model=self.question.model,
                columns=data.columns,
                run_id=folder.run_id,
                total=total,
                limits=self.limits,
                report=report,
                one_system=self.question.has_one_system,
                proven=not folder.note.number and done > journal.tally.num_failed,
            )
            await _stoppable(run())

    def _assemble(self, folder: Folder, data: _Data, journal: Journal) -> None:
        source, survey = data.source, data.survey
        if source.digest() != survey.digest:
            raise BulkError("The input changed during the run. Restore it, or give --restart.")
        assemble(
            self.choice.of(source, survey),
            journal.read(),
            names=data.names,
            schema=data.schema,
            columns=data.columns,
            output=self.output,
            folder=folder.path,
            num_failed=journal.tally.num_failed,
        )

    def _input(self, folder: Path) -> Input:
        """The dataset; that of standard input is kept, so that the run can go on with it."""
        if self.source != STANDARD_INPUT:
            return Input.find(self.source, self.delimiter)
        spool = folder / "input"
        if not spool.exists() or not self.stdin.isatty():
            with as_bulk_error(spool, "write"), replacing(spool) as file:
                shutil.copyfileobj(self.stdin, file)
        return Input((Part(spool, self.stdin_kind, self.delimiter).sniffed(),))

    def _marks(self, data: _Data) -> Iterator[str]:
        return (mark(self.question, row) for row in _rows(data, self.choice, 0))

    def _data(self, source: Input, columns: AnswerColumns, report: Report, *, typed: bool = True) -> _Data:
        """What is in an input; raises BulkError for what cannot be asked or written. `typed`: with its types."""
        for part in source.parts:
            if part.path.absolute() in (self.output.absolute(), failures_path(self.output).absolute()):
                raise BulkError(f"{part.path} is the input, and would be overwritten.")
        survey = source.survey()
        report.say(described(source, survey))
        if missing := self.question.missing(frozenset(survey.columns)):
            there = f"There are {', '.join(survey.columns)}." if survey.columns else "The input is empty."
            hint = self.question.hint(frozenset(survey.columns))
            raise BulkError(f"There is no column {', '.join(missing)}. {there} {hint}".rstrip())
        old = old_failures(source, survey.columns)
        names = tuple(name for name in survey.columns if name not in old)
        if taken := [name for name in columns.schema.names if name in names]:
            raise BulkError(
                f"The input has a column {', '.join(taken)} already, which answers would overwrite. "
                "Rename it there, or give another --column or other properties in the schema."
            )
        for more in (columns.schema.names, failure_columns(names).names):
            outputs.check_names(self.output, [*names, *more])
        return _Data(source, survey, columns, names, old, self._schema(source, survey, names) if typed else None)

    def _schema(self, source: Input, survey: Survey, names: Sequence[str]) -> pa.Schema | None:
        """The types of the input's columns, if the output needs them: said by Parquet, texts in CSV, else found."""
        if not outputs.needs_types(self.output):
            return None
        said = [part.schema() for part in source.parts]

        def chunks() -> Iterator[Chunk]:
            return self.choice.of(source, survey)

        if len(said) == 1 and said[0] is not None:
            return checked(chunks, pa.schema([said[0].field(name) for name in names]))
        if all(part.kind == "csv" for part in source.parts):
            return pa.schema([(name, pa.string()) for name in names])
        found = infer(chunks, survey.columns)
        return pa.schema([found.field(name) for name in names])


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a run, the columns of their answers, and how many rows there are."""

    rows: Sequence[Previewed]
    columns: AnswerColumns
    total: int


@dataclass(frozen=True, slots=True)
class _Data:
    """An input, what is in it, the columns that it gets, and those that it has, with their types."""

    source: Input
    survey: Survey
    columns: AnswerColumns
    names: Sequence[str]
    """Of the input's columns that the output has."""
    old: frozenset[str]
    """Those that it has not."""
    schema: pa.Schema | None


async def _stoppable(asking: Coroutine[Any, Any, None]) -> None:
    """Have SIGTERM end it as Ctrl-C does: asyncio takes care of that one alone."""
    task = asyncio.ensure_future(asking)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _rows(data: _Data, choice: Choice, done: int) -> Iterator[Row]:
    """The rows after so many."""
    for chunk in choice.of(data.source, data.survey):
        if done >= len(chunk):
            done -= len(chunk)
            continue
        yield from chunk.rows()[done:]
        done = 0


def stdin_kinds() -> list[str]:
    """What standard input may be."""
    return sorted(set(KINDS.values()))
