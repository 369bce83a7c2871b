"""Which jobs ``GET /jobs`` lists."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from app.access.caller import caller
from app.http.paging import known_cursor
from app.http.query import flag
from app.services.services import services
from tasks.errors import InsufficientScope, InvalidRequest
from tasks.ledger import dead_letters
from tasks.records.job import Job, JobStatus


def asked_for(limit: int) -> Sequence[Job]:
    """So many of the jobs that the request's query asks for, if there are; raises InvalidRequest."""
    owner, model, after = _owner(), request.args.get("model"), request.args.get("after")
    status = request.args.get("status")
    if status is not None and status not in set(JobStatus):
        raise InvalidRequest(f"status must be one of {', '.join(JobStatus)}.", param="status")
    if flag("dead_letter"):
        return _dead_letters(owner, limit=limit, after=after, model=model)
    return _newest(owner, limit=limit, after=after, model=model, status=status)


def _owner() -> str:
    """Whose jobs are to be listed; raises InsufficientScope for another's."""
    owner = request.args.get("owner", caller().owner)
    if owner != caller().owner and not caller().is_admin:
        raise InsufficientScope("To see jobs of other owners you need a key with the scope 'admin'.", param="owner")
    return owner


def _newest(owner: str, *, limit: int, after: str | None, model: str | None, status: str | None) -> list[Job]:
    """The owner's jobs that match, newest first. Pages through the index until there are enough of them."""
    records, found = services().ledger.jobs, list[Job]()
    before = None if after is None else records.accepted_at(owner, after)
    if after is not None and before is None:
        raise _unknown_cursor()
    while len(found) < limit:
        page = records.owned(owner, before=before, count=limit)
        jobs = records.get_many(job_id for job_id, _ in page)
        found += [
            job for job in jobs if job.owner == owner and model in (None, job.model) and status in (None, job.status)
        ]
        if len(page) < limit:
            break
        before = page[-1][1]
    return found[:limit]


def _dead_letters(owner: str, *, limit: int, after: str | None, model: str | None) -> list[Job]:
    """The owner's jobs that workers died of, the last one first. Pages through the models' until there are enough."""
    models, found = [name for name in services().catalogue if model in (None, name)], list[Job]()
    if after is not None and not _owns(owner, after):
        raise _unknown_cursor()
    while len(found) < limit:
        with known_cursor("dead letters"):
            page = dead_letters.page(services().redis, models, after=after, count=limit)
        found += [job for job in services().ledger.jobs.get_many(page) if job.owner == owner]
        if len(page) < limit:
            break
        after = page[-1]
    return found[:limit]


def _owns(owner: str, job_id: str) -> bool:
    """Whether a job is the owner's: the list of dead letters is everybody's."""
    job = services().ledger.jobs.get(job_id)
    return job is not None and job.owner == owner


def _unknown_cursor() -> InvalidRequest:
    """For another owner's job the same as for one that never was."""
    return InvalidRequest("after is not the id of one of your jobs.", param="after")
