"""Rows into the ledger, as many as the workers have use for, and their answers in the rows' order."""

from __future__ import annotations

import json
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import redis

from tasks.batches.batch import Batch, Counts
from tasks.batches.endpoints import Endpoints
from tasks.batches.output_lines import ResultLine, refused, result_line
from tasks.batches.rows import Row
from tasks.batches.store import BatchStore
from tasks.errors import CaravanError
from tasks.ledger import overview
from tasks.ledger.admission import Admission, Idempotency, Submission
from tasks.queue.dispatch import Dispatcher
from tasks.records.job import Job, Priority
from tasks.rows.dedup import Dedup, Known, question
from tasks.rows.in_order import InOrder
from tasks.rows.prefix_order import PrefixOrder, beginning
from tasks.rows.window import width

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
REFUSED_SECONDS = 1.0
"""A queue that took no more is asked again after so long."""
_ECHOED = frozenset({"metadata", "user", "store"})
"""Fields that a Response tells back, so that its answer is another's as well only without them."""


Ending = Job | CaravanError
"""What came of a row: a job that has ended, or why there is none."""


@dataclass(frozen=True, slots=True)
class BatchLedger:
    """What a feeder works with."""

    client: redis.Redis
    admission: Admission
    batches: BatchStore
    dispatcher: Dispatcher
    longest_queue: int


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
        self._others: dict[str, tuple[float, int, int]] = {}

    @property
    def num_under_way(self) -> int:
        return len(self._under_way)

    @property
    def done(self) -> bool:
        """Whether every row has been given by `ready`."""
        return self._exhausted and self._answers.next == self._first + self._line.num_read

    def feed(self) -> int:
        """Submit rows until as many are under way as there is use for; how many were taken in hand."""
        begun, fed = 0, set[str]()
        try:
            while time.monotonic() >= self._refused_until and (row := self._next()) is not None:
                self._again.appendleft(row)  # until it is submitted: the next lines may raise
                model = str(row.body.get("model"))
                if row.result is None and self.num_under_way >= self._width(model):
                    break
                under_way = self.num_under_way
                if not self._begin(row):
                    self._refused_until = time.monotonic() + REFUSED_SECONDS
                    break
                self._again.popleft()
                begun += 1
                if self.num_under_way > under_way:
                    fed.add(model)
        finally:
            for model in fed:
                self._ledger.dispatcher.dispatch(model)
        return begun

    def look(self) -> int:
        """Take what has ended; how many rows have."""
        job_ids = list(self._under_way)
        if not job_ids:
            return 0
        ended, gone = self._ledger.batches.look(job_ids)
        for place in gone:  # Redis has forgotten it, or somebody has deleted it
            self._again.append(self._under_way.pop(job_ids[place]))
        wanted = [job_ids[place] for place in ended]
        for job_id, job in zip(wanted, self._ledger.batches.read(wanted), strict=True):
            if job is not None and job.status.ended:
                self._settle(self._under_way.pop(job_id), job)
        return len(ended)

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

    def _begin(self, row: Row) -> bool:
        """Have a row answered; False if the queue takes no job just now."""
        if row.result is None and row.key is None:
            match self._judge(row):
                case Known(packed):
                    row.result = self._result(row, _unpack(packed))
                case False:
                    self._waiting[row.number] = row
                    return True
        if row.result is not None:
            self._put(row, row.result)
            return True
        try:
            job = self._endpoints.job(self._batch, row.job_id, row.body)
        except CaravanError as exc:
            self._settle(row, exc)
            return True
        return self._submit(row, job)

    def _judge(self, row: Row) -> Known[bytes] | bool:
        """Whether a row is to be run, or another's answer is its own as well."""
        if self._batch.endpoint == "/v1/responses" and not _ECHOED.isdisjoint(row.body):
            return True
        key = question(row.body, embeds=self._batch.endpoint == "/v1/embeddings")
        if key is None:
            return True
        verdict = self._alike.begin(key, row.number)
        if verdict is True:
            row.key = key
        return verdict

    def _submit(self, row: Row, job: Job) -> bool:
        limits = self._batch.limits
        job = replace(
            job, owner=self._batch.owner, weight=limits.weight, priority=Priority.LOW, request_id=self._batch.id
        )
        reply = self._ledger.admission.submit(
            job,
            longest_queue=self._ledger.longest_queue,
            idempotency=Idempotency(job.id, self._batch.id),
            most_in_flight=limits.jobs_in_flight,
        )
        if not isinstance(reply, Submission) or reply.verdict == "reused":
            return False
        self._under_way[job.id] = row
        return True

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
        return result_line(row.job_id, row.custom_id, ending, self._endpoints.answer)

    def _width(self, model: str) -> int:
        """How many rows to have under way."""
        seen_at, slots, theirs = self._others.get(model, (0.0, 0, 0))
        if time.monotonic() - seen_at > FIGURES_SECONDS:
            (queue,) = overview.queues(self._ledger.client, [model])
            slots = overview.crews(self._ledger.client, [model])[model].slots
            theirs = max(0, queue.depth + queue.running - self.num_under_way)
            self._others[model] = (time.monotonic(), slots, theirs)
        limit = self._batch.limits.jobs_in_flight
        most = MOST_UNDER_WAY if limit is None else max(1, limit - 1)  # one is left for whoever waits for an answer
        return width(slots=slots, others=theirs, most=min(most, self._ledger.longest_queue))


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
