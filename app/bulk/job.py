"""One `caravan bulk run`, from its input to its output."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from app.bulk import outputs
from app.bulk.asking import Question
from app.bulk.assemble import assemble, failures_path
from app.bulk.columns import AnswerColumns, infer
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.folder import Folder, begin, lock, replacing
from app.bulk.inputs import KINDS, Choice, Input, Part, Survey
from app.bulk.journal import Journal, Tally
from app.bulk.report import Report
from app.bulk.row_groups import Row
from app.bulk.run import Limits, Run
from app.client import AsyncClient

STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """What is to be made of what. `asked` names all that the answers depend on beside the input."""

    source: Path
    stdin: BinaryIO
    stdin_kind: str
    output: Path
    question: Question
    column: str
    choice: Choice
    limits: Limits
    restart: bool
    asked: dict[str, Any]

    def __call__(self, connect: Callable[[], AsyncClient], report: Report) -> Tally:
        """Make the output. Raises BulkError; then the same goes on from where it was."""
        outputs.check_ending(self.output)
        columns = AnswerColumns.of(self.question.schema, self.column)
        path, held = lock(self.output, restart=self.restart)
        try:
            source = self._input(path)
            survey = self._survey(source, columns)
            asked = {"the input": survey.digest, **self.asked}
            folder = begin(path, held, asked, restart=self.restart)
        except BaseException:
            if not (path / "run.json").exists():
                shutil.rmtree(path, ignore_errors=True)
            held.release()
            raise
        data = _Data(source, survey, columns)
        try:
            journal = Journal.open(folder.journal)
            try:
                with report:
                    asyncio.run(self._ask(connect, folder, data, journal, report))
            finally:
                journal.close()
            self._assemble(folder, data, journal)
            folder.remove()
        finally:
            folder.close()
        return journal.tally

    async def _ask(
        self, connect: Callable[[], AsyncClient], folder: Folder, data: _Data, journal: Journal, report: Report
    ) -> None:
        total, done = self.choice.count(data.survey.num_rows), journal.tally.num_rows
        if done:
            report.say(f"Resuming after {done} of {total} rows.")
        async with connect() as client:
            run = Run(
                client=client,
                journal=journal,
                rows=_rows(data, self.choice, done),
                asks=self.question,
                columns=data.columns,
                run_id=folder.run_id,
                total=total,
                limits=self.limits,
                report=report,
            )
            await _stoppable(run())

    def _assemble(self, folder: Folder, data: _Data, journal: Journal) -> None:
        source, survey = data.source, data.survey
        if source.digest() != survey.digest:
            raise BulkError("The input changed during the run. Restore it, or give --restart.")
        if outputs.needs_types(self.output):
            schema = _schema(source, survey)
        else:
            schema = pa.schema([(name, pa.string()) for name in survey.columns])
        assemble(
            self.choice.of(source, survey),
            journal.read(),
            schema=schema,
            columns=data.columns,
            output=self.output,
            folder=folder.path,
            num_failed=journal.tally.num_failed,
        )

    def _input(self, folder: Path) -> Input:
        """The dataset; that of standard input is kept, so that the run can go on with it."""
        if self.source != STANDARD_INPUT:
            return Input.find(self.source)
        spool = folder / "input"
        if not spool.exists() or not self.stdin.isatty():
            with as_bulk_error(spool, "write"), replacing(spool) as file:
                shutil.copyfileobj(self.stdin, file)
        return Input((Part(spool, self.stdin_kind),))

    def _survey(self, source: Input, columns: AnswerColumns) -> Survey:
        for part in source.parts:
            if part.path.absolute() in (self.output.absolute(), failures_path(self.output).absolute()):
                raise BulkError(f"{part.path} is the input, and would be overwritten.")
        survey = source.survey()
        if missing := self.question.missing(frozenset(survey.columns)):
            raise BulkError(
                f"There is no column {', '.join(missing)}. There are {', '.join(survey.columns) or 'none'}."
            )
        if taken := [name for name in columns.schema.names if name in survey.columns]:
            raise BulkError(
                f"The input has a column {', '.join(taken)} already, which answers would overwrite. "
                "Say another --column, or rename the schema's properties."
            )
        return survey


@dataclass(frozen=True, slots=True)
class _Data:
    """An input, what is in it, and the columns that it gets."""

    source: Input
    survey: Survey
    columns: AnswerColumns


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


def _schema(source: Input, survey: Survey) -> pa.Schema:
    """The types of the input's columns: said by Parquet, texts in CSV, found out of JSON."""
    said = [part.schema() for part in source.parts]
    if len(said) == 1 and said[0] is not None:
        return said[0].remove_metadata()
    if all(part.kind == "csv" for part in source.parts):
        return pa.schema([(name, pa.string()) for name in survey.columns])
    return infer(source.chunks, survey.columns)


def stdin_kinds() -> list[str]:
    """What standard input may be."""
    return sorted(set(KINDS.values()))
