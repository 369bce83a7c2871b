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
from typing import Any, BinaryIO, TypeVar

from app.bulk import outputs
from app.bulk.asking import Question
from app.bulk.assemble import assemble
from app.bulk.choice import Choice
from app.bulk.collecting import Gatherer
from app.bulk.columns import AnswerColumns
from app.bulk.dataset import Dataset, Given, refuse_overwriting
from app.bulk.errors import BulkError, Refused
from app.bulk.folder import Folder, lock
from app.bulk.handed_in import Note, withdraw
from app.bulk.inputs import KINDS
from app.bulk.journal import Journal, Tally
from app.bulk.preparing import Asked, mark, prepared
from app.bulk.preview import Previewed
from app.bulk.report import Report
from app.bulk.resume import Will, begin, kept
from app.bulk.run import Limits, Run
from app.bulk.server_run import HandedIn, ServerRun
from caravan_client import AsyncClient

T = TypeVar("T")

Connect = Callable[[], AsyncClient]


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
    waits: bool = True
    """Whether the command asks the rows itself; else it hands them in as a batch."""
    asked: dict[str, Any]

    def __call__(self, connect: Connect, report: Report) -> Tally | HandedIn:
        """Make the output, or hand the rows in. Raises BulkError, which says whether the same goes on from there."""
        columns = self._columns()
        refuse_overwriting(self.source, self.output)
        will = Will(restart=self.restart, retry=self.retry, keep=self.keep)
        path, held = lock(self.output, restart=will.restart, retry=will.retry)
        try:
            data = self._data(path, columns, report)
            asked = {"the input": data.survey.digest, **self.asked}
            folder = begin(
                path, held, asked, will, lambda: (mark(self.question, row) for row in data.rows()),
                withdraw=lambda answers_go: asyncio.run(_withdraw(connect, path, report, answers_go=answers_go)),
            )  # fmt: skip
        except BaseException:
            if not (path / "run.json").exists():
                shutil.rmtree(path, ignore_errors=True)
            held.release()
            raise
        try:
            journal = Journal.open(folder.journal)
            try:
                with report:
                    handed_in = asyncio.run(self._ask(connect, folder, data, journal, report))
            except Refused:
                if folder.note.is_first and journal.tally.num_failed == journal.tally.num_rows:
                    folder.remove()
                raise
            finally:
                journal.close()
            if handed_in:
                return handed_in
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
            data = self._data(Path(folder), columns, report, typed=False)
            asked = [Previewed.of(row, self.question) for row in islice(data.rows(), count)]
        return Preview(asked, columns, data.num_rows)

    def _columns(self) -> AnswerColumns:
        outputs.check_ending(self.output)
        if self.question.schema is not None and self.question.options.get("stop"):
            raise BulkError("--stop would cut JSON in its middle: leave it out where there is a --schema.")
        return AnswerColumns.of(self.question.schema, self.column)

    def _data(self, folder: Path, columns: AnswerColumns, report: Report, *, typed: bool = True) -> Dataset:
        given = Given(path=self.source, stdin=self.stdin, stdin_kind=self.stdin_kind, delimiter=self.delimiter)
        return Dataset.of(
            given.find(folder), self.choice, columns,
            question=self.question, output=self.output, report=report, typed=typed,
        )  # fmt: skip

    async def _ask(
        self, connect: Connect, folder: Folder, data: Dataset, journal: Journal, report: Report
    ) -> HandedIn | None:
        """See that every row has its answer in the journal; or say in which batch the rows are, if nobody waits."""
        total, done = data.num_rows, journal.tally.num_rows
        if done:
            report.say(f"Resuming after {done} of {total} rows.")
        if data.old:
            report.say(f"{' and '.join(sorted(data.old))} of the input are of an earlier run, and are not written.")

        def rows(*, dedup: bool = False) -> Iterator[Asked]:
            first = journal.tally.num_rows
            return prepared(
                self.question, data.rows(first), first=first, kept=kept(folder, first), dedup=dedup
            )  # fmt: skip

        async with connect() as client:
            server = ServerRun(
                client=client,
                folder=folder,
                rows=rows,
                raw=self.question.raw,
                one_system=self.question.has_one_system,
                gatherer=Gatherer(journal, data.columns),
                total=total,
                report=report,
            )
            if not self.waits and (handed_in := await _stoppable(server.hand_in())):
                return handed_in
            await _stoppable(server.fetch())
            run = Run(
                client=client,
                journal=journal,
                rows=rows(dedup=self.limits.dedup),
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
            return None

    def _assemble(self, folder: Folder, data: Dataset, journal: Journal) -> None:
        if data.source.digest() != data.survey.digest:
            raise BulkError("The input changed during the run. Restore it, or give --restart.")
        assemble(
            data.chunks(),
            journal.read(),
            names=data.names,
            schema=data.schema,
            columns=data.columns,
            output=self.output,
            folder=folder.path,
            num_failed=journal.tally.num_failed,
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a run, the columns of their answers, and how many rows there are."""

    rows: Sequence[Previewed]
    columns: AnswerColumns
    total: int


async def _withdraw(connect: Connect, folder: Path, report: Report, *, answers_go: bool) -> None:
    if Note.read(folder) is None:
        return
    async with connect() as client:
        if batch_id := await withdraw(client, folder, answers_go=answers_go):
            report.say(f"The batch {batch_id} of the run before is cancelled.")


async def _stoppable(asking: Coroutine[Any, Any, T]) -> T:
    """Have SIGTERM end it as Ctrl-C does: asyncio takes care of that one alone."""
    task = asyncio.ensure_future(asking)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def stdin_kinds() -> list[str]:
    """What standard input may be."""
    return sorted(set(KINDS.values()))
