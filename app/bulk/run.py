"""Asking about every row: many under way, answers written down in the rows' order, jobs deleted once they are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, replace
from typing import Any

from app.bulk.answer import Answer
from app.bulk.asking import Question, RowError
from app.bulk.columns import AnswerColumns
from app.bulk.errors import BulkError
from app.bulk.journal import Journal
from app.bulk.report import Report, State
from app.bulk.row_groups import Row
from app.bulk.vain import Judge
from caravan_client import AsyncClient
from tasks.errors import (
    AuthenticationFailed,
    CaravanError,
    ChatTemplateMissing,
    InsufficientScope,
    JobConflict,
    ModelNotFound,
)
from tasks.rows.dedup import Dedup, Known, question
from tasks.rows.in_order import InOrder
from tasks.rows.prefix_order import PrefixOrder, beginning
from tasks.rows.window import ASLEEP, width

LOOK_SECONDS = 2.0
"""Between two looks at the model's workers."""
COMMIT_SECONDS = 0.25
MOST_OPEN = 4096
"""Rows that were read and are not written down, before more are read."""

_HOPELESS = (AuthenticationFailed, InsufficientScope, ModelNotFound, JobConflict)
"""What the server says of one row and means of all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user allows: rows under way, and rows that fail."""

    window: int
    max_failures: int | None
    dedup: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row on its way: its body, or why there is none."""

    number: int
    body: dict[str, Any]
    key: bytes | None
    failure: Answer | None = None

    @property
    def begins(self) -> str:
        return beginning(self.body)


@dataclass(frozen=True, slots=True)
class _Done:
    """A row's answer, and the job that gave it."""

    answer: Answer
    job_id: str | None = None


@dataclass(kw_only=True, eq=False)
class Run:
    """One run, from the journal's end to the last row."""

    client: AsyncClient
    journal: Journal
    rows: InitVar[Iterator[Row]]
    asks: Question
    columns: AnswerColumns
    run_id: str
    total: int
    limits: Limits
    report: Report

    def __post_init__(self, rows: Iterator[Row]) -> None:
        self._first = self.journal.tally.num_rows
        self._seen = replace(self.journal.tally)
        self._judge = Judge(self.journal, total=self.total, max_failures=self.limits.max_failures)
        self._lineup = PrefixOrder(map(self._prepare, enumerate(rows, self._first)), lambda asked: asked.begins)
        self._collected = InOrder[_Done](self._first)
        self._alike = Dedup[Answer]()
        self._under_way: set[asyncio.Task[None]] = set()
        self._width = min(ASLEEP, self.limits.window)
        self._changed = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None
        self._stopped: Exception | None = None

    async def __call__(self) -> None:
        """Ask until every row has its answer in the journal. Raises BulkError, or the server's error about all rows."""
        beside = [asyncio.ensure_future(each) for each in (self._look(), self._commit_all())]
        try:
            self._show()
            await self._feed()
            await beside[1]
            self._show()
        finally:
            for task in (*beside, *self._under_way):
                task.cancel()
            await asyncio.gather(*beside, *self._under_way, return_exceptions=True)
            await self._keep_what_is_ready()
        if self._stopped:
            raise self._stopped

    # -- asking

    async def _feed(self) -> None:
        """Begin rows as the window has room, and as few enough of those that were read are open."""
        while not self._stopped:
            self._changed.clear()
            open_rows = self._lineup.num_read + self._first - self.journal.tally.num_rows
            if len(self._under_way) >= self._width or (self._lineup.reads_next and open_rows > MOST_OPEN):
                await self._changed.wait()
                continue
            reads = self._lineup.reads_next
            asked = await asyncio.to_thread(self._lineup.take) if reads else self._lineup.take()
            if asked is None:
                return
            self._begin(asked)
            if not reads and not len(self._under_way) % 32:
                await asyncio.sleep(0)

    def _prepare(self, numbered: tuple[int, Row]) -> _Asked:
        number, row = numbered
        try:
            body = self.asks.body(row)
        except RowError as exc:
            return _Asked(number, {}, None, Answer(code=exc.code, message=str(exc)))
        return _Asked(number, body, question(body) if self.limits.dedup else None)

    def _begin(self, asked: _Asked) -> None:
        if asked.failure:
            self._settle(asked.number, _Done(asked.failure))
            return
        begun: Known[Answer] | bool = True if asked.key is None else self._alike.begin(asked.key, asked.number)
        if isinstance(begun, Known):
            self._settle(asked.number, _Done(begun.answer))
        elif begun:
            task = asyncio.ensure_future(self._ask(asked))
            self._under_way.add(task)
            task.add_done_callback(self._over)

    async def _ask(self, asked: _Asked) -> None:
        key = f"bulk-{self.run_id}-{asked.number}"
        job_id = None
        try:
            job = await self.client.run(asked.body, idempotency_key=key)
            job_id = job.id
            answer = Answer.of(job)
            if answer.code == ChatTemplateMissing.code:
                self._stop(BulkError(f"{answer.message} The option for this is --raw."))
                return
            if not answer.failed:
                self.columns.check(answer)
        except RowError as exc:
            answer = Answer(code=exc.code, message=str(exc))
        except _HOPELESS as exc:
            self._stop(BulkError(exc.message))
            return
        except CaravanError as exc:
            answer = Answer.failure(exc)
        self._settle(asked.number, _Done(answer, job_id))
        if asked.key is not None:
            size = None if answer.failed else len(answer.text)
            shared = replace(answer, prompt_tokens=0, completion_tokens=0)
            for number in self._alike.settle(asked.key, shared, size=size):
                self._settle(number, _Done(shared))

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()):
            self._stop(error if isinstance(error, Exception) else BulkError(str(error)))

    def _settle(self, number: int, done: _Done) -> None:
        self._collected.put(number, done)
        self._seen.add(done.answer)

    def _stop(self, why: Exception) -> None:
        self._stopped = self._stopped or why
        self._changed.set()

    # -- writing down

    async def _commit_all(self) -> None:
        """Write answers down as their turn comes, a quarter of a second's at once, until there are no more."""
        while self.journal.tally.num_rows < self.total and not self._stopped:
            await asyncio.sleep(COMMIT_SECONDS)
            self._show()
            try:
                await self._commit()
            except Exception as exc:
                self._stop(exc)
                return

    async def _commit(self) -> None:
        """First the answers are on the disk, then their jobs go: a row whose job is gone has its answer."""
        first, done = self._collected.next, [each for _, each in self._collected.ready()]
        if not done:
            return
        answers = [each.answer for each in done]
        self._writing = asyncio.ensure_future(asyncio.to_thread(self.journal.append, first, answers))
        await asyncio.shield(self._writing)
        self._changed.set()
        await self.client.delete([each.job_id for each in done if each.job_id])
        self._judge.see(answers)

    async def _keep_what_is_ready(self) -> None:
        """Before an early end: what has its turn is written down. The rest is found again by its idempotency keys."""
        if self._writing:
            await asyncio.wait([self._writing])
        first, done = self._collected.next, [each.answer for _, each in self._collected.ready()]
        if done and first == self.journal.tally.num_rows and not isinstance(self._stopped, BulkError):
            with contextlib.suppress(BulkError):
                self.journal.append(first, done)

    def _show(self) -> None:
        """Tell of all that have an answer, also of those whose turn to be written down has not come."""
        seen = self._seen
        self.report.show(State(seen.num_rows, self.total, seen.num_failed, seen.prompt_tokens + seen.completion_tokens))

    # -- the window

    async def _look(self) -> None:
        """Follow the model's workers."""
        asleep_since: float | None = time.monotonic()
        while True:
            with contextlib.suppress(CaravanError):
                models = (await self.client.call("GET", "/models"))["data"]
                model = next((each for each in models if each["id"] == self.asks.model), None)
                if model is not None:
                    others = max(0, model["queued"] + model["running"] - len(self._under_way))
                    self._width = width(slots=model["slots"], others=others, most=self.limits.window)
                    self._changed.set()
                    if model["slots"]:
                        asleep_since = None
                    elif asleep_since is None:
                        asleep_since = time.monotonic()
                        self.report.say(f"'{self.asks.model}' has no worker; the rows wait for one.")
            await asyncio.sleep(LOOK_SECONDS)
