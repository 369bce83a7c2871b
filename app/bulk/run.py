"""Asking about every row: many under way, answers written down in the rows' order, jobs deleted once they are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, replace

from app.bulk.answer import Answer
from app.bulk.asking import RowError
from app.bulk.columns import AnswerColumns
from app.bulk.errors import BulkError, Refused
from app.bulk.first_row import check
from app.bulk.journal import Journal
from app.bulk.preparing import Asked
from app.bulk.report import Report
from app.bulk.state import State
from app.bulk.vain import STREAK, Judge
from caravan_client import AsyncClient
from tasks.errors import AuthenticationFailed, CaravanError, InsufficientScope, JobConflict, ModelNotFound
from tasks.rows.dedup import Dedup, Known
from tasks.rows.in_order import InOrder
from tasks.rows.prefix_order import PrefixOrder
from tasks.rows.window import ASLEEP, width

LOOK_SECONDS = 1.0
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
class _Done:
    """A row's answer, and the job that gave it; or whether it was there before the run."""

    answer: Answer
    job_id: str | None = None
    kept: bool = False


@dataclass(kw_only=True, eq=False)
class Run:
    """One run, from the journal's end to the last row. `rows` are those that come then."""

    client: AsyncClient
    journal: Journal
    rows: InitVar[Iterator[Asked]]
    model: str
    columns: AnswerColumns
    run_id: str
    total: int
    limits: Limits
    report: Report
    one_system: bool = False
    """Whether the system message is the same for all rows."""
    proven: bool = False
    """Whether rows have been answered that were asked so."""

    def __post_init__(self, rows: Iterator[Asked]) -> None:
        self._first = self.journal.tally.num_rows
        self._seen = replace(self.journal.tally)
        self._judge = Judge(self.journal, max_failures=self.limits.max_failures)
        self._lineup = PrefixOrder(rows, lambda asked: asked.begins)
        self._collected = InOrder[_Done](self._first)
        self._alike = Dedup[Answer]()
        self._together = self.client.together()
        self._under_way: set[asyncio.Task[None]] = set()
        self._width = min(ASLEEP, self.limits.window)
        self._changed = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None
        self._stopped: Exception | None = None
        self._checked = self.proven
        self._checking: asyncio.Future[None] | None = None
        self._unasked = 0
        self._num_answered = 0

    async def __call__(self) -> None:
        """Ask until every row has its answer in the journal. Raises BulkError, or the server's error about all rows."""
        beside = [asyncio.ensure_future(each) for each in (self._look(), self._commit_all())]
        try:
            self._show()
            async with self._together:
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
            if not await self._may_be_asked(asked):
                return
            self._begin(asked)
            if not reads and not len(self._under_way) % 32:
                await asyncio.sleep(0)

    async def _may_be_asked(self, asked: Asked) -> bool:
        """Have the first row that is asked show whether rows can be; no other one is under way then."""
        if self._checked or asked.kept:
            return not self._stopped
        if asked.answer:
            self._unasked += 1
            if self._unasked >= STREAK and self._lineup.reads_next and self.limits.max_failures is None:
                why = asked.answer.message.rstrip(".")
                self._stop(Refused(f"Not one of the first {self._unasked} rows can be asked: {why}."))
            return not self._stopped
        self._checking = asyncio.ensure_future(
            check(self.client, asked.body, key=self._key(asked), one_system=self.one_system)
        )
        try:
            await self._checking
            self._checked = True
        except Refused as exc:
            self._stop(exc)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        finally:
            self._checking.cancel()
        return not self._stopped

    def _begin(self, asked: Asked) -> None:
        if asked.answer:
            self._settle(asked.number, _Done(asked.answer, kept=asked.kept))
            return
        begun: Known[Answer] | bool = True if asked.key is None else self._alike.begin(asked.key, asked.number)
        if isinstance(begun, Known):
            self._settle(asked.number, _Done(begun.answer))
        elif begun:
            task = asyncio.ensure_future(self._ask(asked))
            self._under_way.add(task)
            task.add_done_callback(self._over)

    def _key(self, asked: Asked) -> str:
        return f"bulk-{self.run_id}-{asked.number}"

    async def _ask(self, asked: Asked) -> None:
        job_id = None
        try:
            job = await self._together.run(asked.body, idempotency_key=self._key(asked))
            self._num_answered += 1
            job_id = job.id
            answer = Answer.of(job)
            if not answer.failed:
                self.columns.check(answer)
        except RowError as exc:
            answer = Answer(code=exc.code, message=str(exc))
        except _HOPELESS as exc:
            self._stop(BulkError(exc.message))
            return
        except CaravanError as exc:
            answer = Answer.failure(exc)
        answer = replace(answer, asks=asked.asks)
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
        if self._checking:
            self._checking.cancel()

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
        self._judge.see([None if each.kept else each.answer for each in done])

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
        looked_at, had = time.monotonic(), self._num_answered
        while True:
            now, answered = time.monotonic(), self._num_answered
            rate = (answered - had) / max(now - looked_at, LOOK_SECONDS)
            looked_at, had = now, answered
            with contextlib.suppress(CaravanError):
                models = (await self.client.call("GET", "/models"))["data"]
                model = next((each for each in models if each["id"] == self.model), None)
                if model is not None:
                    others = max(0, model["queued"] + model["running"] - len(self._under_way))
                    self._width = width(slots=model["slots"], others=others, most=self.limits.window, rate=rate)
                    self._changed.set()
                    if model["slots"]:
                        asleep_since = None
                    elif asleep_since is None:
                        asleep_since = time.monotonic()
                        self.report.say(f"'{self.model}' has no worker; the rows wait for one.")
            await asyncio.sleep(LOOK_SECONDS)
