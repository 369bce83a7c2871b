"""A job as ``GET /jobs/<id>`` shows it. Pure but for the place in the line, which is passed in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.endpoints.openai.result import result
from tasks.records.job import Job, JobStatus, timeout_error, urls


def view(job: Job, *, queue_position: int | None = None, eta_seconds: float | None = None) -> dict[str, Any]:
    """All the fields of the interface. Times are whole seconds since the epoch.

    Args:
        queue_position: how many jobs begin before this one ends its wait, itself counted; None unless it is queued.
        eta_seconds: seconds until it is likely to begin; None if unknown.
    """
    return {
        "id": job.id,
        "object": "job",
        "model": job.model,
        "operation": job.operation.value,
        "status": job.status.value,
        "priority": job.priority.value,
        "created_at": int(job.created_at),
        "started_at": _whole(job.started_at),
        "finished_at": _whole(job.finished_at),
        "queue_position": queue_position,
        "eta_seconds": eta_seconds,
        "attempt": job.attempt,
        "result": result(job),
        "error": _error(job),
        "deaths": [dict(death) for death in job.deaths],
        "usage": job.outcome.usage.to_wire() if job.outcome else None,
        "timings": asdict(job.outcome.timings) if job.outcome and job.outcome.timings else None,
        "metadata": dict(job.metadata),
        "webhook": {"origin": job.webhook_origin, **asdict(job.delivery)} if job.webhook else None,
        "urls": urls(job.id),
    }


def _error(job: Job) -> dict[str, Any] | None:
    if job.status is JobStatus.EXPIRED and job.timeout_seconds is not None:
        return timeout_error(job.timeout_seconds)
    return dict(job.error) if job.error else None


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
