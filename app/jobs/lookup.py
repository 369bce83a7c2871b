"""A job by its id, for its owner and for admins."""

from __future__ import annotations

from app.access.caller import caller
from app.services.services import services
from tasks.errors import JobNotFound
from tasks.records.job import Job


def find(job_id: str) -> Job:
    """The job of that id; raises JobNotFound, for another owner's as for one that never was."""
    job = services().ledger.jobs.get(job_id)
    if job is None or not caller().sees(job):
        raise JobNotFound(f"There is no job '{job_id[:80]}'. It may have expired.")
    return job
