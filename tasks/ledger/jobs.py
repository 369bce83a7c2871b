"""Job records as they are in Redis: what is read of them, one by one or as lists. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.scripts import Scripts
from tasks.records.job import VERSIONS, Job
from tasks.records.version import is_readable

LARGE_BYTES = 1 << 16
"""Of a job's request and outcome together: a list of jobs tells neither if they have more."""
LIGHT_FIELDS = (
    *("v", "id", "model", "operation", "owner", "priority", "metadata", "request_id", "timeout", "max_attempts"),
    *("status", "created_at", "started_at", "finished_at", "fence", "claims", "worker"),
    *("fails", "kills", "failures", "deaths", "error", "webhook"),
)
"""A job's fields but for these two."""


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

    def queue_position(self, job: Job) -> int | None:
        """How many jobs of its model are begun before a queued job, itself counted; None if it waits no more.

        An estimate, as far as jobs of several owners take turns by how many tokens they take.
        """
        position: int | None = self._run("position", job.id, job.model)
        return position


def _named(fields: Mapping[str, str] | Sequence[str | None]) -> dict[str, str]:
    """A record that was read whole, or its light fields alone."""
    if isinstance(fields, Mapping):
        return dict(fields)
    given = zip(LIGHT_FIELDS, fields, strict=True)
    return {"request": "{}", **{name: value for name, value in given if value is not None}}


def _decode(fields: Mapping[str, str]) -> Job | None:
    return Job.decode(fields) if is_readable(fields, VERSIONS) else None
