"""What the front asks of the ledger: accept a job, change its place, cancel, retry and forget it; pause a queue.

Every method that decides something is one Lua script under ``lua``, so a process may die between any two calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, cast

import redis

from tasks.ledger import redis_keys, standing
from tasks.ledger.connection import TooFewReplicas, refusals_as_absence
from tasks.ledger.scripts import Scripts
from tasks.ledger.standing import Standing
from tasks.ledger.trip import Trip
from tasks.records.job import Job, JobStatus, Priority, QueueState


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key for a request, and a digest of the request: the same key stands for the same digest."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Full:
    """How long a model's queue is, and after how many seconds its workers end another job; None if unknown."""

    depth: int
    seconds_a_job: float | None


@dataclass(frozen=True, slots=True)
class Draining:
    """The model's queue takes no more jobs."""


@dataclass(frozen=True, slots=True)
class Broken:
    """No worker has ever been able to serve the model, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The owner has so many jobs that have not ended, which is all that its key may have."""

    num_jobs: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The owner's jobs take as much of Redis as they may; seconds until the first may be removed, None if none may."""

    bytes: int
    most: int
    seconds: float | None


Refusal = Full | Draining | Broken | Busy | Kept
"""Why the ledger takes no job just now."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission that was not refused.

    ``accepted``, ``answered`` (accepted, and ended with an answer that was kept), ``known`` (the same key and body:
    `job_id` is the earlier job's) or ``reused`` (the key, with another body).
    """

    verdict: Literal["accepted", "answered", "known", "reused"]
    job_id: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a submission, and of the line that it came to."""

    reply: Submission | Refusal | redis.RedisError
    taken: list[str]
    """Jobs of the model that are to be published now, whatever the reply."""
    job: Job | None = None
    """With the time and the fence that the ledger gave it; None unless it was accepted just now."""
    standing: Standing | None = None
    """None if nobody asked, or Redis did not tell."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A job that was cancelled: its model, its status before, and how many live workers the model has."""

    model: str
    before: JobStatus
    num_workers: int


class Admission:
    """Accepts, changes and removes jobs. All methods raise redis-py's errors when Redis is away.

    Args:
        replicas: how many of Redis' replicas must have a job before `accept` and `accept_many` tell that it was
            accepted. What fewer have is told as `TooFewReplicas`: it runs all the same.
    """

    def __init__(self, client: redis.Redis, run: Scripts, *, result_ttl: int, replicas: int = 0) -> None:
        self._redis = client
        self._run = run
        self._result_ttl = result_ttl
        self._replicas = replicas

    def submit(
        self,
        job: Job,
        *,
        longest_queue: int,
        idempotency: Idempotency | None = None,
        most_in_flight: int | None = None,
    ) -> Submission | Refusal:
        """Accept a job, unless its key is known, its model's queue is full, or its owner has as many as allowed."""
        given = self._submission(job, longest_queue, idempotency, most_in_flight)
        return _reply(self._run("submit", *given))

    def accept(
        self,
        job: Job,
        *,
        take: Sequence[str | int | float],
        stands: bool,
        longest_queue: int,
        idempotency: Idempotency | None = None,
        most_in_flight: int | None = None,
    ) -> Accepted:
        """Accept a job as `submit` does, take what may be published then, and tell how the job is: in one round trip.

        An error of Redis is told as the reply, for jobs may have been taken all the same.

        Args:
            take: `Line.taking` of the job's model.
            stands: whether to tell where the job stands.
        """

        def ask(trip: Trip) -> Trip:
            trip.run("take", *take)
            if stands:
                standing.ask(trip, job)
            return trip

        trip = self._run.trip()
        trip.confirm(self._replicas)
        trip.run("submit", *self._submission(job, longest_queue, idempotency, most_in_flight))
        ask(trip)
        submitted, taken, *found = trip.replies()
        jobs = [] if isinstance(taken, Exception) else list(taken)
        if isinstance(submitted, redis.RedisError):
            return Accepted(submitted, jobs)
        reply = self._confirmed(_reply(submitted), trip)
        if not isinstance(reply, Submission) or reply.verdict != "accepted":
            return Accepted(reply, jobs)
        if trip.was_resent:  # some of it ran before the job was there
            taken, *found = ask(self._run.trip()).replies()
            jobs += [] if isinstance(taken, Exception) else taken
        _, _, when, fence = submitted
        recorded = replace(job, created_at=float(when), fence=int(fence))
        is_told = stands and not any(isinstance(each, Exception) for each in found)
        return Accepted(reply, jobs, recorded, standing.read(found) if is_told else None)

    def accept_many(
        self,
        asked: Sequence[tuple[Job, Idempotency | None]],
        *,
        takes: Mapping[str, Sequence[str | int | float]] = MappingProxyType({}),
        longest_queue: int,
        most_in_flight: int | None = None,
    ) -> tuple[list[Submission | Refusal | redis.RedisError], dict[str, list[str]]]:
        """Accept jobs as `submit` does, each by itself, then take what may be published: all in one round trip.

        Args:
            takes: `Line.taking` of the models whose lines are to be taken from.

        Returns:
            What became of each submission; and for each model of `takes` the jobs that are to be published now.
        """

        def ask(trip: Trip) -> Trip:
            for each in takes.values():
                trip.run("take", *each)
            return trip

        trip = self._run.trip()
        trip.confirm(self._replicas)
        for job, idempotency in asked:
            trip.run("submit", *self._submission(job, longest_queue, idempotency, most_in_flight))
        replies = ask(trip).replies()
        taken = replies[len(asked) :]
        if trip.was_resent:  # some of it ran before the jobs were there
            taken += ask(self._run.trip()).replies()
        found: dict[str, list[str]] = {model: [] for model in takes}
        for model, ids in zip((*takes, *takes), taken, strict=False):
            found[model] += [] if isinstance(ids, Exception) else ids
        submitted = replies[: len(asked)]
        return [
            each if isinstance(each, redis.RedisError) else self._confirmed(_reply(each), trip) for each in submitted
        ], found

    def _confirmed(self, reply: Submission | Refusal, trip: Trip) -> Submission | Refusal | TooFewReplicas:
        """The reply, unless it names a job that too few replicas have."""
        return reply if trip.is_confirmed or not isinstance(reply, Submission) else self._too_few()

    def _too_few(self) -> TooFewReplicas:
        return TooFewReplicas(
            f"Redis has taken the job, and not {self._replicas} of its replicas have confirmed it in time. It may run. "
            "Try again; with an Idempotency-Key nothing runs twice."
        )

    def _submission(
        self, job: Job, longest_queue: int, idempotency: Idempotency | None, most_in_flight: int | None
    ) -> tuple[str | int | float, ...]:
        record = [part for pair in job.encode().items() for part in pair]
        return (
            job.id,
            job.model,
            job.owner,
            job.priority.value,
            job.line,
            self._result_ttl,
            longest_queue,
            idempotency.key if idempotency else "",
            idempotency.digest if idempotency else "",
            "" if job.timeout_seconds is None else job.timeout_seconds,
            "" if most_in_flight is None else most_in_flight,
            "" if job.result_bytes is None else job.result_bytes,
            job.repeat.digest if job.repeat and job.repeat.looks else "",
            *record,
        )

    def known(self, owner: str, idempotency: Idempotency) -> str | None:
        """The job that was submitted with the same key and body, if it is still there."""
        return self.known_many(owner, [idempotency])[0]

    def known_many(self, owner: str, asked: Sequence[Idempotency]) -> list[str | None]:
        """The jobs that were submitted with the same keys and bodies, of those that are still there."""
        keys = self._redis.pipeline(transaction=False)
        for each in asked:
            keys.hmget(redis_keys.idempotency(owner, each.key), "job", "digest")
        pairs = zip(asked, keys.execute(), strict=True)
        found = [job_id if digest == each.digest else None for each, (job_id, digest) in pairs]
        there = self._run.trip()
        there.confirm(self._replicas if any(found) else 0)
        for job_id in found:
            there.read("EXISTS", redis_keys.job(job_id or ""))
        known = [job_id if exists else None for job_id, exists in zip(found, there.go(), strict=True)]
        if any(known) and not there.is_confirmed:
            raise self._too_few()
        return known

    def reprioritise(
        self, job_id: str, priority: Priority, *, owner: str = ""
    ) -> Literal["changed"] | JobStatus | None:
        """Change the priority of a queued job. One that is not queued keeps it: its status; None if there is none."""
        verdict, *_ = self._run("reprioritise", job_id, owner, priority.value)
        return "changed" if verdict == "changed" else _status(verdict)

    def cancel(self, job_id: str, *, owner: str = "") -> Cancelled | JobStatus | None:
        """Cancel a job. One that had ended keeps its status, which is returned; None if there is none."""
        verdict, *rest = self._run("cancel", job_id, owner)
        if verdict != "cancelled" or not rest:
            return _status(verdict)
        model, before, num_workers = rest
        return Cancelled(model, JobStatus(before), int(num_workers))

    def waiting(self, model: str, count: int) -> list[str]:
        """Jobs of a model that wait, the oldest so many."""
        num_running = self._redis.zcard(redis_keys.running(model))
        first = cast("list[str]", self._redis.zrange(redis_keys.pending(model), 0, count + num_running - 1))
        leases = self._redis.zmscore(redis_keys.running(model), first) if first else []
        return [job_id for job_id, lease in zip(first, leases, strict=True) if lease is None][:count]

    def cancel_many(self, job_ids: Iterable[str]) -> int:
        """Cancel jobs as `cancel` does, in one round trip; how many there were."""
        return sum(verdict == "cancelled" for verdict, *_ in self._run.each("cancel", ((each, "") for each in job_ids)))

    def move(self, job_ids: Iterable[str], model: str) -> int:
        """Give queued jobs to another model; how many there were."""
        return sum(verdict == "moved" for verdict, *_ in self._run.each("move", ((each, model) for each in job_ids)))

    def forget(self, job_id: str, *, owner: str = "") -> JobStatus | None:
        """Remove a job, cancelling it first if need be; its status before, or None if there is none."""
        before, *_ = self._run("forget", job_id, owner)
        return _status(before)

    def forget_many(self, job_ids: Iterable[str], *, owner: str = "") -> int:
        """Remove jobs as `forget` does, in one round trip; how many there were."""
        return sum(status != "unknown" for status, *_ in self._run.each("forget", ((each, owner) for each in job_ids)))

    def retry(
        self,
        job_id: str,
        *,
        owner: str,
        longest_queue: int,
        most_in_flight: int | None = None,
        most_result_bytes: int | None = None,
        metered: str = "",
        trace: str = "",
    ) -> Literal["retried"] | Refusal | JobStatus | None:
        """Run a job again that ended without success; else its status, or None if there is none."""
        most, most_bytes = ("" if each is None else each for each in (most_in_flight, most_result_bytes))
        verdict, *rest = self._run("retry", job_id, owner, longest_queue, most, metered, most_bytes, trace)
        return "retried" if verdict == "retried" else _refusal(verdict, rest) or _status(verdict)

    def set_queue_state(self, model: str, state: QueueState) -> None:
        """Pause, drain or open a model's queue."""
        with refusals_as_absence():
            if state is QueueState.OPEN:
                self._redis.delete(redis_keys.queue_state(model))
            else:
                self._redis.set(redis_keys.queue_state(model), state.value)


def _reply(reply: Sequence[str]) -> Submission | Refusal:
    verdict, *rest = reply
    return _refusal(verdict, rest) or Submission(cast("Any", verdict), rest[0])


def _refusal(verdict: str, rest: list[str]) -> Refusal | None:
    match verdict:
        case "full":
            depth, seconds = rest[-2:]
            return Full(int(depth), float(seconds) if seconds else None)
        case "draining":
            return Draining()
        case "broken":
            return Broken(rest[0])
        case "busy":
            return Busy(int(rest[0]))
        case "kept":
            found, most, seconds = rest
            return Kept(int(found), int(most), float(seconds) if seconds else None)
    return None


def _status(verdict: str) -> JobStatus | None:
    return None if verdict == "unknown" else JobStatus(verdict)
