"""A job as ``GET /jobs/<id>`` shows it. Pure but for the place in the line, which is passed in."""

from __future__ import annotations

from typing import cast

from app.endpoints.jobs import wire
from app.endpoints.openai.result import result
from app.http.wire_types import whole
from tasks.records.ending import error_of
from tasks.records.job import Job
from tasks.records.outcome import Timings
from tasks.records.wire import urls, usage


def view(
    job: Job,
    *,
    queue_position: int | None = None,
    eta_seconds: float | None = None,
    waits_for: wire.WaitsFor | None = None,
) -> wire.Job:
    """All the fields of the interface. Times are whole seconds since the epoch.

    Args:
        queue_position: how many jobs begin before this one ends its wait, itself counted; None unless it is queued.
        eta_seconds: seconds until it is likely to begin; None if unknown.
        waits_for: what has to change before it can begin; None unless it is queued and that was asked for.
    """
    told: wire.Job = {
        "id": job.id,
        "object": "job",
        "model": job.model,
        "operation": job.operation,
        "owner": job.owner,
        "status": job.status,
        "priority": job.priority,
        "created_at": int(job.created_at),
        "started_at": whole(job.started_at),
        "finished_at": whole(job.finished_at),
        "first_token_at": job.first_token_at,
        "queue_position": queue_position,
        "eta_seconds": eta_seconds,
        "waits_for": waits_for,
        "attempt": job.attempt,
        "result": result(job),
        "error": error_of(job.status, error=job.error, timeout_seconds=job.timeout_seconds),
        "deaths": [cast("wire.JobDeath", dict(death)) for death in job.deaths],
        "usage": usage(job.outcome.usage) if job.outcome else None,
        "timings": _timings(job.outcome.timings) if job.outcome and job.outcome.timings else None,
        "metadata": dict(job.metadata),
        "webhook": _webhook(job),
        "urls": urls(job.id),
    }
    if job.adapters:
        told["adapters"] = [{"name": name, "scale": scale} for name, scale in job.adapters]
    return told


def request_view(job: Job) -> wire.JobRequest:
    """What a job asks for, as its record has it."""
    return {
        "id": job.id,
        "object": "job.request",
        "model": job.model,
        "operation": job.operation,
        "owner": job.owner,
        "timeout": job.timeout_seconds,
        "max_attempts": job.max_attempts,
        "request": dict(job.request),
    }


def _timings(timings: Timings) -> wire.JobTimings:
    return {
        "queue_seconds": timings.queue_seconds,
        "prefill_seconds": timings.prefill_seconds,
        "decode_seconds": timings.decode_seconds,
        "tokens_per_second": timings.tokens_per_second,
    }


def _webhook(job: Job) -> wire.JobWebhook | None:
    if job.webhook_origin is None:
        return None
    delivery = job.delivery
    return {
        "origin": job.webhook_origin,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }
