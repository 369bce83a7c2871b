"""The ledger: job records in Redis. It is the truth; the broker's messages are hints.

Every write that decides something is one Lua script under ``lua``, so a process may die between any two calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import connect, refusals_as_absence
from tasks.ledger.histograms import measured
from tasks.ledger.scripts import Scripts
from tasks.records.job import MAX_CLAIMS, MAX_FAILS, VERSIONS, Job, JobStatus, Outcome, Priority, QueueState
from tasks.records.version import is_readable
from tasks.settings import Settings

TRIAL_TTL = 3600
"""Seconds that a dead worker's trial is remembered: until its last lease has run out and the sweep has seen that."""

SWEPT_AT_ONCE = 200
"""Jobs that one call of a sweeping script looks at, at most: Redis does nothing else meanwhile."""

SMALL_AT_ONCE = 16
"""Jobs that need no slot that are published at once."""

LARGE_BYTES = 1 << 16
"""Of a job's request and outcome together: a list of jobs tells neither if they have more."""
LIGHT_FIELDS = (
    *("v", "id", "model", "operation", "owner", "priority", "metadata", "request_id", "timeout", "max_attempts"),
    *("status", "created_at", "started_at", "finished_at", "fence", "claims", "worker"),
    *("fails", "kills", "failures", "deaths", "error", "webhook"),
)
"""A job's fields but for these two."""
GivenBack = Literal["drained", "outranked"]
Found = Literal["crashed", "killed", "worker_restarted"]
"""How a worker's death was found: its parent saw its process crash, or end from outside; or nobody saw it."""
Verdict = str
"""``ok``, or the present status of a job that the caller has lost (``unknown``, ``gap`` among them)."""


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

    @classmethod
    def read(cls, reply: Sequence[str]) -> Self:
        """As the scripts tell it."""
        depth, seconds = reply
        return cls(int(depth), float(seconds) if seconds else None)


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission.

    ``accepted``, ``known`` (the same key and body), ``reused``, ``full`` (the model's queue), ``draining``, ``broken``
    (no worker can serve the model: then ``job_id`` is why) or ``busy`` (the owner: then ``job_id`` is how many jobs
    there are).
    """

    verdict: Literal["accepted", "known", "reused", "full", "draining", "broken", "busy"]
    job_id: str
    full: Full | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds jobs: a worker, and the digest of its model's file."""

    worker: str
    digest: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on a job: `job` when it was given, else `status`, why it was not."""

    job: Job | None
    status: str


@dataclass(frozen=True, slots=True)
class Append:
    """The events that one step made for one job: stored bodies, the first of them numbered `first`."""

    job_id: str
    fence: int
    first: int
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep mended: jobs of dead workers, messages nobody claimed, ids of jobs that ended because of it."""

    reclaimed: int
    unclaimed: int
    ended: list[str]

    @property
    def most(self) -> int:
        """How many of one sort; as many as `SWEPT_AT_ONCE` means that there may be more."""
        return max(self.reclaimed, self.unclaimed, len(self.ended))


class JobStore:
    """Reads and writes job records. All methods raise redis-py's errors when Redis is away."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        result_ttl: int,
        lease_seconds: float,
        unclaimed_seconds: float,
        ageing_seconds: float,
    ) -> None:
        self._redis = client
        self._result_ttl = result_ttl
        self._lease_seconds = lease_seconds
        self._unclaimed_seconds = unclaimed_seconds
        self._ageing_seconds = ageing_seconds
        self._run = Scripts(client)

    # -- the front

    def submit(
        self,
        job: Job,
        *,
        longest_queue: int,
        idempotency: Idempotency | None = None,
        most_in_flight: int | None = None,
    ) -> Submission:
        """Accept a job, unless its key is known, its model's queue is full, or its owner has as many as allowed."""
        record = [part for pair in job.encode().items() for part in pair]
        verdict, job_id, *full = self._run(
            "submit",
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
            *record,
        )
        return Submission(verdict, job_id, Full.read(full) if full else None)

    def known(self, owner: str, idempotency: Idempotency) -> str | None:
        """The job that was submitted with the same key and body, if it is still there."""
        key = redis_keys.idempotency(owner, idempotency.key)
        job_id, digest = cast("list[str | None]", self._redis.hmget(key, "job", "digest"))
        if job_id is None or digest != idempotency.digest or not self._redis.exists(redis_keys.job(job_id)):
            return None
        return job_id

    def reprioritise(self, job_id: str, priority: Priority, *, owner: str = "") -> list[str]:
        """Change the priority of a queued job: ``["changed", model]``, or its status, or ``["unknown"]``."""
        answer: list[str] = self._run("reprioritise", job_id, owner, priority.value)
        return answer

    def set_queue_state(self, model: str, state: QueueState) -> None:
        """Pause, drain or open a model's queue."""
        with refusals_as_absence():
            if state is QueueState.OPEN:
                self._redis.delete(redis_keys.queue_state(model))
            else:
                self._redis.set(redis_keys.queue_state(model), state.value)

    def want(self, model: str, seconds: float) -> None:
        """Have it known for so long that a model is wanted: whoever starts workers sees it."""
        with refusals_as_absence():
            pipe = self._redis.pipeline()
            pipe.sadd(redis_keys.wanted(model), "1")
            pipe.pexpire(redis_keys.wanted(model), max(1, round(seconds * 1000)))
            pipe.execute()

    def cancel(self, job_id: str, *, owner: str = "") -> list[str]:
        """Cancel a job: ``["cancelled", model, status before, number of live workers]``, or ``[status]``."""
        answer: list[str] = self._run("cancel", job_id, owner)
        return answer

    def forget(self, job_id: str, *, owner: str = "") -> list[str]:
        """Remove a job, cancelling it first if need be: ``[status before, model]``, or ``["unknown"]``."""
        answer: list[str] = self._run("forget", job_id, owner)
        return answer

    def forget_many(self, job_ids: Iterable[str], *, owner: str = "") -> int:
        """Remove jobs as `forget` does, in one round trip; how many there were."""
        return sum(status != "unknown" for status, *_ in self._run.each("forget", ((each, owner) for each in job_ids)))

    def retry(self, job_id: str, *, owner: str, longest_queue: int, most_in_flight: int | None = None) -> list[str]:
        """Run a job again from its beginning, if it ended without success.

        ``["retried", model]``, ``["full", queue length]``, ``["busy", jobs of its owner]``, or ``[status]`` when it
        has not ended so, or is unknown.
        """
        most = "" if most_in_flight is None else most_in_flight
        answer: list[str] = self._run("retry", job_id, owner, longest_queue, most)
        return answer

    def get(self, job_id: str) -> Job | None:
        """The job, or None if there is none or it has expired. Raises RecordTooNew."""
        return _decode(cast("dict[str, str]", self._redis.hgetall(redis_keys.job(job_id))))

    def get_many(self, job_ids: Iterable[str]) -> list[Job]:
        """The jobs that still exist, in the order asked; without request and outcome where these are large."""
        job_ids = list(job_ids)
        sizes = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            sizes.hstrlen(redis_keys.job(job_id), "request")
            sizes.hstrlen(redis_keys.job(job_id), "outcome")
        found, pipe = sizes.execute(), self._redis.pipeline(transaction=False)
        for job_id, request, outcome in zip(job_ids, found[::2], found[1::2], strict=True):
            if request + outcome > LARGE_BYTES:
                pipe.hmget(redis_keys.job(job_id), LIGHT_FIELDS)
            else:
                pipe.hgetall(redis_keys.job(job_id))
        return [job for fields in pipe.execute() if (job := _decode(_named(fields)))]

    def accepted_at(self, owner: str, job_id: str) -> float | None:
        """When an owner's job was accepted; None if it is not the owner's, or has expired."""
        return self._redis.zscore(redis_keys.owned(owner), job_id)

    def owned(self, owner: str, *, before: float | None, count: int) -> list[tuple[str, float]]:
        """An owner's jobs and when they were accepted, newest first, from those accepted before a time on."""
        newest = "+inf" if before is None else f"({before!r}"
        found = self._redis.zrevrangebyscore(
            redis_keys.owned(owner), newest, "-inf", start=0, num=count, withscores=True
        )
        return cast("list[tuple[str, float]]", found)

    def dead(self, models: Iterable[str]) -> list[str]:
        """Ids of the dead letters of some models, the last one first."""
        found: list[tuple[str, float]] = []
        for model in models:
            found += cast("Any", self._redis.zrevrange(redis_keys.dead_letters(model), 0, -1, withscores=True))
        return [job_id for job_id, _ in sorted(found, key=lambda dead: dead[1], reverse=True)]

    def place(self, job: Job) -> int | None:
        """How many jobs of its model are begun before a queued job, itself counted; None if it waits no more.

        An estimate, as far as jobs of several owners take turns by how many tokens they take.
        """
        place: int | None = self._run("position", job.id, job.model)
        return place

    # -- dispatch and sweep

    def take(self, model: str) -> list[str]:
        """Move the head of the line to the published ones, as far as live workers have room; the ids."""
        ids: list[str] = self._run("take", model, self._ageing_seconds, SMALL_AT_ONCE)
        return ids

    def lead(self, process: str, seconds: int) -> bool:
        """Whether a process is the one that sweeps, for so long."""
        return bool(self._run("lead", process, seconds))

    def sweep(self, model: str) -> Swept:
        """Give back what dead workers held and what nobody claimed; expire what is late."""
        return Swept(*self._run("sweep", model, self._unclaimed_seconds, MAX_FAILS, SWEPT_AT_ONCE))

    def tidy(self) -> int:
        """Send put off jobs that are due to the line, and remove what is left of old ones; how many of both.

        As many as `SWEPT_AT_ONCE` means that there may be more.
        """
        due, removed = self._run("tidy", SWEPT_AT_ONCE)
        return max(int(due), int(removed))

    # -- the worker

    def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        model: str,
        call: str,
        free_slots: int = 1,
        obtainable_slots: int | None = None,
    ) -> Claim:
        """Hold a queued job of `model` until its lease ends. One that has tokens of another file is failed.

        Args:
            call: a text that no other claim has; the same again, after a lost reply, gets the same claim.
            free_slots: slots of the worker that no other job has, or waits for. A job without one is not blamed for
                the worker's death.
            obtainable_slots: as many and those that `low` jobs would give to it, if it is more urgent.
        """
        lease = self._lease_seconds
        status, *rest = self._run(
            "claim", job_id, holder.worker, lease, VERSIONS.start, VERSIONS[-1], MAX_CLAIMS, model, call, holder.digest,
            free_slots, free_slots if obtainable_slots is None else obtainable_slots, MAX_FAILS,
        )  # fmt: skip
        if status != "claimed":
            return Claim(None, status)
        fields = dict(_pairs(rest))
        return Claim(Job.decode(fields), status)

    def append(self, holder: Holder, parts: Sequence[Append]) -> list[Verdict]:
        """Append events for many jobs in one call; a verdict for each part."""
        args: list[str | int] = []
        for part in parts:
            args += [part.job_id, part.fence, part.first, len(part.events), *part.events]
        verdicts: list[Verdict] = self._run("append", *self._held_by(holder), *args)
        return verdicts

    def succeed(self, holder: Holder, job_id: str, fence: int, num_events: int, outcome: Outcome) -> Verdict:
        """End a job well, which so many events were sent of."""
        usage = json.dumps(asdict(outcome.usage))
        durations = json.dumps([part for pair in measured(outcome).items() for part in pair])
        end = (JobStatus.SUCCEEDED.value, durations, "outcome", outcome.encode(), "usage", usage)
        return str(self._run("finish", *self._held_by(holder), job_id, fence, num_events, *end))

    def fail(self, holder: Holder, job_id: str, fence: int, num_events: int, error: str) -> Verdict:
        """End a job with an error, given as JSON in its wire form."""
        end = (JobStatus.FAILED.value, "[]", "error", error)
        return str(self._run("finish", *self._held_by(holder), job_id, fence, num_events, *end))

    def put_off(
        self, holder: Holder, job_id: str, fence: int, num_events: int, error: str, *, seconds: float
    ) -> Verdict:
        """Have a job that failed tried again in some seconds."""
        return str(self._run("put_off", *self._held_by(holder), job_id, fence, num_events, seconds, error))

    def _held_by(self, holder: Holder) -> tuple[str | float, ...]:
        return holder.worker, self._lease_seconds, holder.digest

    def extend(self, holder: Holder, model: str, held: Mapping[str, int]) -> dict[str, str]:
        """Extend the leases of held jobs (id -> fence); the present status of each that is lost."""
        pairs = [part for job_id, fence in held.items() for part in (job_id, fence)]
        return dict(_pairs(self._run("extend", *self._held_by(holder), model, *pairs)))

    def begin_trial(self, worker: str, job_id: str) -> None:
        """Write down that a worker is about to decode a suspect and nothing else."""
        with refusals_as_absence():
            self._redis.set(redis_keys.trial(worker), job_id, ex=TRIAL_TTL)

    def end_trial(self, worker: str) -> None:
        """It has survived that."""
        with refusals_as_absence():
            self._redis.delete(redis_keys.trial(worker))

    def report(self, model: str, worker: str, ttl_seconds: float, figures: Mapping[str, str | int | float]) -> None:
        """Say that a worker lives, and what it holds; it counts as dead when this is older than `ttl_seconds`."""
        pairs = [part for pair in figures.items() for part in pair]
        self._run("report", model, worker, ttl_seconds, *pairs)

    def report_start(self, model: str, worker: str, start: Mapping[str, object], ttl_seconds: float) -> None:
        """Say how the start of a worker goes that does not serve yet; forgotten after `ttl_seconds`."""
        self._run("start", model, worker, ttl_seconds, json.dumps(start))

    def forget_start(self, model: str, worker: str) -> None:
        """Say nothing more of a worker's start."""
        self._redis.hdel(redis_keys.starts(model), worker)

    def retire(self, model: str, worker: str) -> None:
        """Say that a worker has stopped."""
        self._redis.delete(redis_keys.worker(worker))
        self._redis.zrem(redis_keys.crew(model), worker)

    def give_back(
        self, holder: Holder, job_id: str, fence: int, num_events: int, reason: GivenBack = "drained"
    ) -> Verdict:
        """Put a held job back into the line, which so many events were sent of, with no blame.

        Args:
            reason: the worker is stopping, or has more urgent ones.
        """
        return str(self._run("give_back", *self._held_by(holder), job_id, fence, num_events, reason))

    def unpublish(self, model: str, job_ids: Iterable[str]) -> None:
        """Put published jobs back that a stopping worker has not claimed."""
        self._run("unpublish", model, *job_ids)

    def release_worker(self, model: str, worker: str, *, reason: Found = "worker_restarted", how: str = "") -> Swept:
        """Give back what an earlier process of this name was running.

        Args:
            how: what was seen of its death, in words.
        """
        reclaimed, ended = self._run("release_worker", model, worker, MAX_FAILS, reason, how, self._unclaimed_seconds)
        return Swept(reclaimed, 0, ended)


def open_store(settings: Settings, client: redis.Redis | None = None) -> JobStore:
    """The ledger that the settings name, over a client that is there already or one of its own."""
    return JobStore(
        client or connect(settings.redis_url),
        result_ttl=settings.result_ttl,
        lease_seconds=settings.lease_seconds,
        unclaimed_seconds=settings.unclaimed_seconds,
        ageing_seconds=settings.ageing_seconds,
    )


def _named(fields: Mapping[str, str] | Sequence[str | None]) -> dict[str, str]:
    """A record that was read whole, or its light fields alone."""
    if isinstance(fields, Mapping):
        return dict(fields)
    given = zip(LIGHT_FIELDS, fields, strict=True)
    return {"request": "{}", **{name: value for name, value in given if value is not None}}


def _pairs(flat: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _decode(fields: Mapping[str, str]) -> Job | None:
    return Job.decode(fields) if is_readable(fields, VERSIONS) else None
