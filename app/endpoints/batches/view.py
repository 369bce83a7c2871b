"""A batch as ``/v1/batches`` shows it: OpenAI's object, and how it goes on. Pure."""

from __future__ import annotations

from typing import Any

from tasks.batches.batch import TIMES, Batch, BatchStatus, Counts

_STALLED = {
    "storage_full": "The disk of the files is full. Free some space: the batch then continues by itself.",
    "storage_failed": "The files cannot be read or written; the clerk's log says why. The batch continues by itself.",
}
RUNS = (BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


def view(batch: Batch) -> dict[str, Any]:
    """All the fields of the interface. Times are whole seconds since the epoch."""
    times = {name: int(batch.times[name]) if name in batch.times else None for name in TIMES}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": None,
        "errors": {"object": "list", "data": list(batch.errors)} if batch.errors else None,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status.value,
        "output_file_id": batch.output.id if batch.output.parts else None,
        "error_file_id": batch.error.id if batch.error.parts else None,
        **times,
        "request_counts": {
            "total": batch.total,
            "completed": batch.counts.completed,
            "failed": batch.counts.failed,
        },
        "usage": _usage(batch.counts),
        "metadata": None if batch.metadata is None else dict(batch.metadata),
        "progress": _progress(batch),
    }


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": {"cached_tokens": counts.cached_tokens},
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts.input_tokens + counts.output_tokens,
    }


def _progress(batch: Batch) -> dict[str, Any]:
    """How it goes on, of a batch that does; the speed is that of the last seconds."""
    runs = batch.status in RUNS and "paused_at" not in batch.times
    lines = batch.speed.lines if runs else 0.0
    answered = max(batch.answered, batch.counts.done)
    left = batch.total - answered
    return {
        "answered": answered,
        "round": batch.round + 1,
        "lines_per_second": round(lines, 2),
        "tokens_per_second": round(batch.speed.tokens, 1) if runs else 0.0,
        "eta_seconds": round(left / lines) if runs and lines > 0 else None,
        "stalled": {"code": batch.stalled, "message": _STALLED[batch.stalled]} if batch.stalled else None,
    }
