"""Job records as they are in Redis: what is read of them, one by one or as lists. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple, cast

import redis

from tasks.ledger import merging, redis_keys, standing
from tasks.ledger.merging import Found
from tasks.ledger.scripts import Scripts
from tasks.ledger.standing import Standing
from tasks.records.job import VERSIONS, Job
from tasks.records.version import is_readable

LARGE_BYTES = 1 << 16
"""Of a job's request and outcome together: a list of jobs tells neither if they have more."""
LIGHT_FIELDS = (
    *("v", "id", "model", "operation", "owner", "priority", "metadata", "request_id", "timeout", "max_attempts"),
    *("status", "created_at", "started_at", "finished_at", "first_token_at", "fence", "claims", "worker"),
    *("fails", "kills", "failures", "deaths", "error", "webhook"),
)
"""A job's fields but for these two."""


MOST_LOOKED_AT = 1000
"""Jobs that a call for a list looks at: some milliseconds of Redis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs are to be found: of a model, in a status, of a priority, accepted in some time, with metadata.

    Times are seconds since the epoch. What is left out matches all.
    """

    model: str | None = None
    status: str | None = None
    priority: str | None = None
    since: float | None = None
    before: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def matches(self, job: Job) -> bool:
        return (
            self.model in (None, job.model)
            and self.status in (None, job.status)
            and self.priority in (None, job.priority)
            and (self.since is None or job.created_at >= self.since)
            and (self.before is None or job.created_at < self.before)
            and all(job.metadata.get(name) == value for name, value in self.metadata.items())
        )


class Looked(NamedTuple):
    """The ids of the jobs that have ended, the bytes of their outcomes, and the ids of those that are not there."""

    ended: list[str]
    sizes: list[int]
    gone: list[str]


class Jobs:
    """Reads job records. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, run: Scripts) -> None:
        self._redis = client
        self._run = run

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

    def get_whole(self, job_ids: Iterable[str]) -> list[Job | None]:
        """The jobs in the order asked, None for those that do not exist any more."""
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hgetall(redis_keys.job(job_id))
        return [_decode(fields) for fields in pipe.execute()]

    def look(self, job_ids: Sequence[str], *, owner: str = "") -> Looked:
        """Which of some jobs have ended, and which are gone; another owner's are, if one is named."""
        ended, sizes, gone = self._run("look", owner, *job_ids)
        return Looked([job_ids[place] for place in ended], sizes, [job_ids[place] for place in gone])

    def find(self, owner: str, wanted: Wanted, *, after: str | None = None, limit: int) -> Found:
        """An owner's jobs that match, newest first, from after one of them on; one call to Redis.

        It looks at `MOST_LOOKED_AT` jobs at most, so that there may be more though none was found. Raises LookupError
        if `after` is not the owner's, or has expired.
        """
        reply: list[str] | None = self._run("list", *_question(owner, wanted, after or "", limit, MOST_LOOKED_AT))
        if reply is None:
            raise LookupError(after)
        return Found(reply[1:], reply[0] or None)

    def find_of(self, owners: Sequence[str], wanted: Wanted, *, after: str | None = None, limit: int) -> Found:
        """The same over several owners; three calls to Redis. Raises LookupError if `after` is not there."""
        beginning = None if after is None else self.get(after)
        if after is not None and (beginning is None or beginning.owner not in owners):
            raise LookupError(after)
        most = max(limit, MOST_LOOKED_AT // max(1, len(owners)))
        trip = self._run.trip()
        for owner in owners:
            own, before = merging.begin(owner, beginning, wanted.before)
            trip.run("list", *_question(owner, replace(wanted, before=before), own, limit, most))
        parts = [Found(ids, last or None) for last, *ids in (reply or [""] for reply in trip.go())]
        return merging.merged(owners, parts, self._times(owners, parts), limit=limit)

    def _times(self, owners: Sequence[str], parts: Sequence[Found]) -> dict[str, float]:
        """When each of the jobs was accepted, by its id; one that is gone by now has none."""
        asked = [(owner, [*found.ids, *filter(None, [found.last])]) for owner, found in zip(owners, parts, strict=True)]
        asked = [(owner, ids) for owner, ids in asked if ids]
        trip = self._run.trip()
        for owner, ids in asked:
            trip.read("ZMSCORE", redis_keys.owned(owner), *ids)
        told = zip((each for _, ids in asked for each in ids), chain.from_iterable(trip.go()), strict=True)
        return {each: float(at) for each, at in told if at is not None}

    def standing(self, job: Job) -> Standing:
        """Where a queued job stands."""
        trip = self._run.trip()
        standing.ask(trip, job)
        return standing.read(trip.go())


def _question(owner: str, wanted: Wanted, after: str, limit: int, most: int) -> tuple[str | int, ...]:
    """What the script `list` is asked."""
    return (
        *(owner, after, _seconds(wanted.since), _seconds(wanted.before), wanted.model or "", wanted.status or ""),
        *(wanted.priority or "", limit, most),
        *(text for pair in wanted.metadata.items() for text in pair),
    )


def _seconds(at: float | None) -> str:
    return "" if at is None else repr(at)


def _named(fields: Mapping[str, str] | Sequence[str | None]) -> dict[str, str]:
    """A record that was read whole, or its light fields alone."""
    if isinstance(fields, Mapping):
        return dict(fields)
    given = zip(LIGHT_FIELDS, fields, strict=True)
    return {"request": "{}", **{name: value for name, value in given if value is not None}}


def _decode(fields: Mapping[str, str]) -> Job | None:
    return Job.decode(fields) if is_readable(fields, VERSIONS) else None
