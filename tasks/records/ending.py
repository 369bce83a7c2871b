"""How a job ended that ended without a result: one place for all who tell of it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tasks.error_wire import Error
from tasks.errors import CaravanError, JobConflict, JobTimeout, from_wire
from tasks.records.job import Job, JobStatus


def error_of(status: JobStatus, *, error: Mapping[str, Any] | None, timeout_seconds: float | None) -> Error | None:
    """The error of a job that failed or expired, in its wire form; None for any other.

    Args:
        error: what the record says of a failure, also one of a newer version's.
        timeout_seconds: what the job asked for.
    """
    if status is JobStatus.EXPIRED:
        within = "" if timeout_seconds is None else f" of {timeout_seconds:g} seconds"
        return JobTimeout(f"The job did not end within its timeout{within}.").to_wire()
    return cast("Error", dict(error)) if error and status is JobStatus.FAILED else None


def failure(job: Job) -> CaravanError:
    """The error for a caller who asked for the result of a job that ended without one."""
    if error := error_of(job.status, error=job.error, timeout_seconds=job.timeout_seconds):
        return from_wire(error)
    return JobConflict(f"Job '{job.id}' is {job.status}.", code=f"job_{job.status}")
