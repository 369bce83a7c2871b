"""One `caravan bulk run`, from its input to its output."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from app.bulk import outputs
from app.bulk.asking import Question
from app.bulk.assemble import assemble, failures_path
from app.bulk.chunks import Row
from app.bulk.columns import AnswerColumns, infer
from app.bulk.errors import BulkError, told
from app.bulk.folder import Folder, begin, lock, replacing
from app.bulk.inputs import KINDS, Choice, Input, Part, Survey
from app.bulk.journal import Journal, Tally
from app.bulk.report import Report
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

    async def __call__(self, client: AsyncClient, report: Report) -> Tally:
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
            held.close()
            raise
        try:
            tally = await self._run(folder, source, survey, columns, client=client, report=report)
        finally:
            folder.close()
        return tally

    async def _run(
        self,
        folder: Folder,
        source: Input,
        survey: Survey,
        columns: AnswerColumns,
        *,
        client: AsyncClient,
        report: Report,
    ) -> Tally:
        journal = Journal.open(folder.journal)
        total = self.choice.count(survey.num_rows)
        if journal.tally.num_rows:
            report.say(f"Going on after {journal.tally.num_rows} of {total} rows.")
        try:
            run = Run(
                client,
                journal,
                _rows(source, survey, self.choice, journal.tally.num_rows),
                asks=self.question,
                columns=columns,
                run_id=folder.run_id,
                total=total,
                limits=self.limits,
                report=report,
            )
            await run()
        finally:
            journal.close()
        self._assemble(folder, source, survey, columns, journal)
        folder.remove()
        return journal.tally

    def _assemble(
        self, folder: Folder, source: Input, survey: Survey, columns: AnswerColumns, journal: Journal
    ) -> None:
        if outputs.needs_types(self.output):
            schema = _schema(source, survey)
        else:
            schema = pa.schema([(name, pa.string()) for name in survey.columns])
        assemble(
            self.choice.of(source, survey),
            journal.read(),
            schema=schema,
            columns=columns,
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
            with told(spool, "write"), replacing(spool) as file:
                shutil.copyfileobj(self.stdin, file)
        return Input((Part(spool, self.stdin_kind),))

    def _survey(self, source: Input, columns: AnswerColumns) -> Survey:
        for part in source.parts:
            if part.path.absolute() in (self.output.absolute(), failures_path(self.output).absolute()):
                raise BulkError(f"{part.path} is the input, and would be written over.")
        survey = source.survey()
        if missing := self.question.missing(frozenset(survey.columns)):
            raise BulkError(
                f"There is no column {', '.join(missing)}. There are {', '.join(survey.columns) or 'none'}."
            )
        if taken := [name for name in columns.schema.names if name in survey.columns]:
            raise BulkError(
                f"The input has a column {', '.join(taken)} already, which answers would go to. "
                "Say another --column, or rename the schema's properties."
            )
        return survey


def _rows(source: Input, survey: Survey, choice: Choice, done: int) -> Iterator[Row]:
    """The rows after so many."""
    for chunk in choice.of(source, survey):
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
