"""A batch as ``/v1/batches`` shows it: OpenAI's object, and how it goes on. Pure."""

from __future__ import annotations

from typing import cast

from app.endpoints.batches import wire
from app.http.wire_types import whole
from tasks.batches.batch import Batch, BatchStatus, Counts

_STALLED: dict[str, str] = {
    "storage_full": "The disk of the files is full, or the owner's files have reached their limit (stored_bytes). "
    "Delete some files: the batch then continues by itself.",
    "storage_failed": "The files cannot be read or written; the clerk's log says why. The batch continues by itself.",
}
RUNS = (BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


def view(batch: Batch) -> wire.Batch:
    """All the fields of the interface. Times are whole seconds since the epoch."""
    times = batch.times
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": cast("wire.Endpoint", batch.endpoint),
        "model": None,
        "errors": {"object": "list", "data": cast("list[wire.LineError]", [*batch.errors])} if batch.errors else None,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status.value,
        "output_file_id": batch.output.id if batch.output.parts else None,
        "error_file_id": batch.error.id if batch.error.parts else None,
        "failed_at": whole(times.get("failed_at")),
        "in_progress_at": whole(times.get("in_progress_at")),
        "finalizing_at": whole(times.get("finalizing_at")),
        "completed_at": whole(times.get("completed_at")),
        "expired_at": whole(times.get("expired_at")),
        "cancelling_at": whole(times.get("cancelling_at")),
        "cancelled_at": whole(times.get("cancelled_at")),
        "created_at": int(times["created_at"]),
        "expires_at": int(times["expires_at"]),
        "paused_at": whole(times.get("paused_at")),
        "request_counts": {
            "total": batch.total,
            "completed": batch.counts.completed,
            "failed": batch.counts.failed,
        },
        "usage": _usage(batch.counts),
        "metadata": None if batch.metadata is None else dict(batch.metadata),
        "progress": _progress(batch),
    }


def _usage(counts: Counts) -> wire.BatchUsage:
    return {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": {"cached_tokens": counts.cached_tokens},
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts.input_tokens + counts.output_tokens,
    }


def _progress(batch: Batch) -> wire.BatchProgress:
    """How it goes on, of a batch that does; the speed is that of the last seconds."""
    runs = batch.status in RUNS and "paused_at" not in batch.times
    lines = batch.speed.lines if runs else 0.0
    written = batch.counts.done - batch.counts.left_out
    answered = written if batch.status.ended else max(batch.answered, written)
    left = batch.total - answered
    return {
        "answered": answered,
        "round": batch.round + 1,
        "lines_per_second": round(lines, 2),
        "tokens_per_second": round(batch.speed.tokens, 1) if runs else 0.0,
        "eta_seconds": round(left / lines) if runs and lines > 0 else None,
        "stalled": _stalled(cast("wire.StalledCode", batch.stalled)) if batch.stalled else None,
    }


def _stalled(code: wire.StalledCode) -> wire.Stalled:
    return {"code": code, "message": _STALLED[code]}
