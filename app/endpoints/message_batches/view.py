"""A batch, and what came of its lines, in Anthropic's words. Pure but for the id of the request that asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from app.endpoints.anthropic.errors import FORM, answer
from app.endpoints.message_batches import wire
from caravan_client.server_errors import WireError
from tasks.batches.batch import PREFIX, Batch, BatchStatus
from tasks.batches.output_lines import CANCELLED, EXPIRED

OURS = "msgbatch_"
_LEFT: dict[str, Literal["canceled", "expired"]] = {CANCELLED.code: "canceled", EXPIRED.code: "expired"}
_ENDS = ("completed_at", "failed_at", "expired_at", "cancelled_at")


def own_id(batch: Batch) -> str:
    """The id by which Anthropic's clients know it."""
    return OURS + batch.id.removeprefix(PREFIX)


def batch_id(own: str) -> str:
    """The batch of such an id."""
    return PREFIX + own.removeprefix(OURS)


def message_batch(batch: Batch) -> wire.MessageBatch:
    """The batch. It has its requests' counts from the beginning on."""
    times, ended = batch.times, batch.status.ended
    ends = [times[name] for name in _ENDS if name in times] if ended else []
    is_canceling = batch.status is BatchStatus.CANCELLING
    return {
        "id": own_id(batch),
        "type": "message_batch",
        "processing_status": "ended" if ended else "canceling" if is_canceling else "in_progress",
        "request_counts": _counts(batch),
        "created_at": _time(times["created_at"]),
        "expires_at": _time(times["expires_at"]),
        "ended_at": _time(ends[-1]) if ends else None,
        "cancel_initiated_at": _time(times["cancelling_at"]) if "cancelling_at" in times else None,
        "archived_at": None,
        "results_url": f"/v1/messages/batches/{own_id(batch)}/results" if ended else None,
    }


def page(found: Sequence[Batch], *, limit: int, before: bool) -> wire.MessageBatchPage:
    """A page of what was looked for one beyond its limit: on the far side of the batch from which was looked."""
    shown = [message_batch(batch) for batch in (found[-limit:] if before else found[:limit])]
    return {
        "data": shown,
        "has_more": len(found) > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def result(line: bytes) -> wire.BatchedResult:
    """What came of a request, by its line in a batch's output or errors."""
    told = json.loads(line)
    response, error = told["response"], told["error"]
    made: wire.Succeeded | wire.Errored | wire.NotRun
    if response is None:
        made = {"type": _LEFT[error["code"]]}
    elif response["status_code"] == 200:
        made = {"type": "succeeded", "message": response["body"]}
    else:
        made = errored(response["body"]["error"], response["status_code"])
    return {"custom_id": told["custom_id"], "result": made}


def not_run(batch: Batch, line: bytes) -> wire.BatchedResult | None:
    """What came of a request, by its line in the input of a batch that ended before its first line was run.

    None for a line without an id, which a file of the caller's own may have.
    """
    try:
        custom_id = json.loads(line)["custom_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(custom_id, str):
        return None
    made: wire.Errored | wire.NotRun
    if batch.status is BatchStatus.FAILED:
        fault: dict[str, Any] = {"message": "The batch failed.", "code": "batch_failed", **dict(*batch.errors[:1])}
        failure: WireError = {
            "message": fault["message"], "type": "invalid_request_error", "param": None, "code": fault["code"],
        }  # fmt: skip
        made = errored(failure, 400)
    else:
        made = {"type": "expired" if batch.status is BatchStatus.EXPIRED else "canceled"}
    return {"custom_id": custom_id, "result": made}


def errored(error: WireError, status: int) -> wire.Errored:
    """A request that failed, told as the endpoint would have."""
    return {"type": "errored", "error": answer(error, FORM.status(status))}


def _counts(batch: Batch) -> wire.BatchedCounts:
    counts, status = batch.counts, batch.status
    errored = counts.failed - counts.left_out
    left = max(0, batch.total - counts.completed - errored)
    failed = left if status in (BatchStatus.FAILED, BatchStatus.COMPLETED) else 0
    return {
        "processing": 0 if status.ended else left,
        "succeeded": counts.completed,
        "errored": errored + failed,
        "canceled": left if status is BatchStatus.CANCELLED else 0,
        "expired": left if status is BatchStatus.EXPIRED else 0,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
