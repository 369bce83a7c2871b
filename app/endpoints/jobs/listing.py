"""Which jobs ``GET /jobs`` lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import request

from app.access.caller import caller
from app.http.paging import known_cursor
from app.http.query import entries, flag, time
from app.services.services import services
from tasks.errors import InsufficientScope, InvalidRequest
from tasks.ledger import dead_letters
from tasks.ledger.jobs import Wanted
from tasks.records.api_key import EVERYONE, RESERVED_OWNERS
from tasks.records.job import Job, JobStatus, Priority

MOST_METADATA = 16
"""Of a job, and so of a filter."""


class Listed(NamedTuple):
    """Jobs, and the last one that was looked at where others were not."""

    jobs: Sequence[Job]
    looked_at: str | None = None


def asked_for(limit: int) -> Listed:
    """So many of the jobs that the request's query asks for, if there are; raises InvalidRequest."""
    owner, after, wanted = _owner(), request.args.get("after"), _wanted()
    if flag("dead_letter"):
        return Listed(_dead_letters(owner, limit=limit, after=after, wanted=wanted))
    with known_cursor("jobs"):
        if owner is None:
            found = services().ledger.jobs.find_of(_owners(), wanted, after=after, limit=limit)
        else:
            found = services().ledger.jobs.find(owner, wanted, after=after, limit=limit)
    return Listed(services().ledger.jobs.get_many(found.ids), found.last)


def _wanted() -> Wanted:
    status = request.args.get("status")
    if status is not None and status not in set(JobStatus):
        raise InvalidRequest(f"status must be one of {', '.join(JobStatus)}.", param="status")
    priority = request.args.get("priority")
    if priority is not None and priority not in set(Priority):
        raise InvalidRequest(f"priority must be one of {', '.join(Priority)}.", param="priority")
    return Wanted(
        model=request.args.get("model"),
        status=status,
        priority=priority,
        since=time("created_after"),
        before=time("created_before"),
        metadata=entries("metadata", MOST_METADATA),
    )


def _owner() -> str | None:
    """Whose jobs are to be listed, None for everybody's; raises InsufficientScope for another's."""
    owner = request.args.get("owner", caller().owner)
    if owner == EVERYONE and caller().is_admin:
        return None
    if owner != caller().owner and not caller().is_admin:
        raise InsufficientScope("To see jobs of other owners you need a key with the scope 'admin'.", param="owner")
    return owner


def _owners() -> Sequence[str]:
    """Whoever has a key, and those of the jobs that no key of the store stands for."""
    return sorted({*RESERVED_OWNERS, *(key.owner for key in services().keys.all())})


def _dead_letters(owner: str | None, *, limit: int, after: str | None, wanted: Wanted) -> list[Job]:
    """The owner's jobs, or everybody's, that workers died of, the last one first.

    It pages through the models' until there are enough.
    """
    models, found = [name for name in services().models.served if wanted.model in (None, name)], list[Job]()
    if after is not None and not _owns(owner, after):
        raise _unknown_cursor()
    while len(found) < limit:
        with known_cursor("dead letters"):
            page = dead_letters.page(services().redis, models, after=after, count=limit)
        jobs = services().ledger.jobs.get_many(page)
        found += [job for job in jobs if owner in (None, job.owner) and wanted.matches(job)]
        if len(page) < limit:
            break
        after = page[-1]
    return found[:limit]


def _owns(owner: str | None, job_id: str) -> bool:
    """Whether a job is the owner's: the list of dead letters is everybody's."""
    job = services().ledger.jobs.get(job_id)
    return job is not None and owner in (None, job.owner)


def _unknown_cursor() -> InvalidRequest:
    """For another owner's job the same as for one that never was."""
    return InvalidRequest("after is not the id of one of your jobs.", param="after")
