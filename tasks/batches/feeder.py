"""Rows into the ledger, as many as the workers have use for, and their answers in the rows' order."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import redis

from tasks.batches.batch import Batch, Counts
from tasks.batches.endpoints import Endpoints
from tasks.batches.output_lines import ResultLine, refused, result_line
from tasks.batches.rows import Row
from tasks.batches.store import BatchStore
from tasks.errors import CaravanError
from tasks.ledger import overview
from tasks.ledger.admission import Admission, Idempotency, Submission
from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.jobs import Jobs
from tasks.queue.dispatch import Dispatcher
from tasks.records.job import Job, Priority
from tasks.rows.dedup import Dedup, Known, question
from tasks.rows.in_order import InOrder
from tasks.rows.prefix_order import PrefixOrder, beginning
from tasks.rows.window import width
from tasks.traces.begin import Samples, linked

BLOCK_ROWS = 256
"""Rows that are put in order at once."""
MOST_AHEAD = 1024
"""Rows that are read and not written yet, beyond which no more are read."""
REACH = 2 * MOST_AHEAD
"""No row so far behind the first that is not written has ever been submitted."""
REMEMBERED_BYTES = 8 << 20
"""Of answers that a later row may ask for again: some ten thousand short ones."""
MOST_UNDER_WAY = 1024
FIGURES_SECONDS = 0.5
SUBMITTED_AT_ONCE = 128
REFUSED_SECONDS = 1.0
"""A queue that took no more is asked again after so long."""
_ECHOED = frozenset({"metadata", "user", "store"})
"""Fields that a Response tells back, so that its answer is another's as well only without them."""
_UNDRAWN = frozenset({"/v1/embeddings", "/v1/rerank"})
"""Endpoints whose answers are always the same."""


Ending = Job | CaravanError
"""What came of a row: a job that has ended, or why there is none."""


@dataclass(frozen=True, slots=True)
class BatchLedger:
    """What a feeder works with."""

    client: redis.Redis
    jobs: Jobs
    admission: Admission
    batches: BatchStore
    dispatcher: Dispatcher
    longest_queue: int
    samples: Samples | None = None
    """Whether a trace is recorded; None while traces are off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """Of a model, and of a batch's jobs of it: when they were read, and how many have ended a second since before."""

    at: float
    slots: int
    others: int
    num_ended: int
    rate: float


class Feeder:
    """Gives a batch's rows to the ledger, and takes what came of them.

    A row's job has an id of its own and an idempotency key, so a row that another clerk has submitted is found, not run
    again. Methods raise redis-py's errors while Redis is away, and can be called again after that.
    """

    def __init__(
        self, batch: Batch, rows: Iterator[Row], ledger: BatchLedger, endpoints: Endpoints, *, first: int
    ) -> None:
        self._batch = batch
        self._ledger = ledger
        self._endpoints = endpoints
        self._line = PrefixOrder(rows, _begins, most_rows=BLOCK_ROWS)
        self._alike: Dedup[bytes] = Dedup(most_bytes=REMEMBERED_BYTES)
        self._answers: InOrder[tuple[Row, ResultLine]] = InOrder(first)
        self._first = first
        self._again: deque[Row] = deque()
        self._waiting: dict[int, Row] = {}
        self._under_way: dict[str, Row] = {}
        self._exhausted = False
        self._refused_until = 0.0
        self.answered = Counts()
        """What has its answer, given by `ready` or not."""
        self._num_ended = Counter[str]()
        self._seen: dict[str, _Figures] = {}

    @property
    def num_under_way(self) -> int:
        return len(self._under_way)

    @property
    def done(self) -> bool:
        """Whether every row has been given by `ready`."""
        return self._exhausted and self._answers.next == self._first + self._line.num_read

    def feed(self) -> int:
        """Submit rows until as many are under way as there is use for; how many were taken in hand."""
        begun, group = 0, list[tuple[Row, Job]]()
        try:
            while time.monotonic() >= self._refused_until and (row := self._next()) is not None:
                self._again.appendleft(row)  # until it is begun: the next lines may raise
                if row.result is None and self.num_under_way + len(group) >= self._width(str(row.body.get("model"))):
                    break
                job = self._begin(row)
                self._again.popleft()
                begun += 1
                if job is not None:
                    group.append((row, job))
                if len(group) == SUBMITTED_AT_ONCE:
                    begun -= self._submit(group)
            return begun - self._submit(group)
        finally:
            self._again.extendleft(row for row, _ in reversed(group))

    def look(self) -> int:
        """Take what has ended; how many rows have."""
        if not self._under_way:
            return 0
        looked = self._ledger.jobs.look(list(self._under_way))
        for job_id in looked.gone:  # Redis has forgotten it, or somebody has deleted it
            self._again.append(self._under_way.pop(job_id))
        if looked.gone:  # the first of them goes first: the others may have to wait for it to be written
            self._again = deque(sorted(self._again, key=lambda row: row.number))
        for job_id, job in zip(looked.ended, self._ledger.jobs.get_whole(looked.ended), strict=True):
            if job is not None and job.status.ended:
                self._num_ended[job.model] += 1
                self._settle(self._under_way.pop(job_id), job)
        return len(looked.ended)

    def ready(self) -> Iterator[tuple[Row, ResultLine]]:
        """The rows whose turn to be written has come."""
        for _, answer in self._answers.ready():
            yield answer

    def _next(self) -> Row | None:
        if self._again:
            return self._again.popleft()
        if self._exhausted:
            return None
        if self._line.reads_next and self._first + self._line.num_read - self._answers.next >= MOST_AHEAD:
            return None
        row = self._line.take()
        self._exhausted = row is None
        return row

    def _begin(self, row: Row) -> Job | None:
        """Have a row answered; its job, which is to be submitted, or None if no job of its own answers it."""
        if row.result is None and row.key is None:
            match self._judge(row):
                case Known(packed):
                    row.result = self._result(row, _unpack(packed))
                case False:
                    self._waiting[row.number] = row
                    return None
        if row.result is not None:
            self._put(row, row.result)
            return None
        try:
            job = self._endpoints.job(self._batch, row.job_id, row.body)
        except CaravanError as exc:
            self._settle(row, exc)
            return None
        limits = self._batch.limits
        # The answers behind it cannot be written, and removed, before those of the next rows are there.
        is_next = row.number < self._answers.next + BLOCK_ROWS
        job = replace(
            job,
            owner=self._batch.owner,
            weight=limits.weight,
            result_bytes=None if is_next else limits.result_bytes,
            priority=Priority.LOW,
            request_id=self._batch.id,
        )
        samples = self._ledger.samples
        return job if samples is None else linked(job, self._batch.trace, samples)

    def _judge(self, row: Row) -> Known[bytes] | bool:
        """Whether a row is to be run, or another's answer is its own as well."""
        if self._batch.endpoint == "/v1/responses" and not _ECHOED.isdisjoint(row.body):
            return True
        key = question(row.body, draws=self._batch.endpoint not in _UNDRAWN)
        if key is None:
            return True
        verdict = self._alike.begin(key, row.number)
        if verdict is True:
            row.key = key
        return verdict

    def _submit(self, group: list[tuple[Row, Job]]) -> int:
        """Submit jobs, and empty the group; how many the queue does not take just now, which come again."""
        if not group:
            return 0
        models = dict.fromkeys(job.model for _, job in group)
        replies, taken = self._ledger.admission.accept_many(
            [(job, Idempotency(job.id, self._batch.id)) for _, job in group],
            takes={model: self._ledger.dispatcher.taking(model) for model in models},
            longest_queue=self._ledger.longest_queue,
            most_in_flight=self._batch.limits.jobs_in_flight,
        )
        put_back, failed = list[Row](), list[redis.RedisError]()
        for (row, job), reply in zip(group, replies, strict=True):
            if isinstance(reply, Submission) and reply.verdict != "reused":
                self._under_way[job.id] = row
            else:
                put_back.append(row)
                failed += [reply] if isinstance(reply, redis.RedisError) else []
        group.clear()
        self._again.extendleft(reversed(put_back))
        if put_back:
            self._refused_until = time.monotonic() + REFUSED_SECONDS
        for model in models:
            self._ledger.dispatcher.publish_all(taken[model], model)
        if failed:
            with refusals_as_absence():
                raise failed[0]
        return len(put_back)

    def _settle(self, row: Row, ending: Ending) -> None:
        """Take what came of a row, for the rows that ask the same as well."""
        line = self._result(row, ending)
        self._put(row, line)
        if row.key is None:
            return
        packed = b"" if isinstance(ending, CaravanError) else _pack(ending)
        for number in self._alike.settle(row.key, packed, size=None if line.failed else len(packed)):
            other = self._waiting.pop(number)
            self._put(other, self._result(other, ending))

    def _put(self, row: Row, line: ResultLine) -> None:
        self._answers.put(row.number, (row, line))
        self.answered += line.counts

    def _result(self, row: Row, ending: Ending) -> ResultLine:
        if isinstance(ending, CaravanError):
            return refused(row.job_id, row.custom_id, ending)
        return result_line(row.job_id, row.custom_id, ending, partial(self._endpoints.answer, self._batch))

    def _width(self, model: str) -> int:
        """How many rows to have under way."""
        seen = self._seen.get(model)
        if seen is None or time.monotonic() - seen.at > FIGURES_SECONDS:
            seen = self._seen[model] = self._look_at(model, seen)
        limit = self._batch.limits.jobs_in_flight
        most = MOST_UNDER_WAY if limit is None else max(1, limit - 1)  # one is left for whoever waits for an answer
        most = min(most, self._ledger.longest_queue)
        return width(slots=seen.slots, others=seen.others, most=most, rate=seen.rate)

    def _look_at(self, model: str, before: _Figures | None) -> _Figures:
        (queue,) = overview.queues(self._ledger.client, [model])
        now, num_ended = time.monotonic(), self._num_ended[model]
        return _Figures(
            at=now,
            slots=overview.crews(self._ledger.client, [model])[model].slots,
            others=max(0, queue.depth + queue.running - self.num_under_way),
            num_ended=num_ended,
            rate=(num_ended - before.num_ended) / (now - before.at) if before else 0.0,
        )


def _pack(job: Job) -> bytes:
    """A job that has ended, small."""
    fields = {**job.encode(), "status": job.status.value, "created_at": repr(job.created_at), "fence": str(job.fence)}
    if job.outcome is not None:
        fields["outcome"] = job.outcome.encode()
    return zlib.compress(json.dumps(fields).encode(), 1)


def _unpack(packed: bytes) -> Job:
    return Job.decode(json.loads(zlib.decompress(packed)))


def _begins(row: Row) -> str:
    """What rows are put in order by: those of a model that begin alike come together."""
    return "" if row.result else f"{row.body.get('model')}\n{beginning(row.body)}"
