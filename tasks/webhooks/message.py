"""What a webhook says, and its signature as the Standard Webhooks specification 1.0 has it.

The job's result is not in it: it may be large, and whoever wants it may be another one than who receives this. The
fields of ``data`` are called as those of ``GET /jobs/<id>``, and have the same values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from tasks.records import wire
from tasks.records.api_key import LOCAL_OWNER
from tasks.records.ending import error_of
from tasks.records.job import JobStatus
from tasks.records.outcome import Usage
from tasks.records.version import known


def body(fields: Mapping[str, str]) -> bytes:
    """The request's body, of what the outbox has copied from the job's record; the same at every attempt."""
    ended = datetime.fromtimestamp(float(fields["finished_at"]), UTC)
    message = {
        "type": f"job.{fields['status']}",
        "timestamp": ended.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "owner": fields.get("owner", LOCAL_OWNER),
        "data": _data(fields),
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def headers(message_id: str, content: bytes, *, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The three headers of the specification: one signature by each secret, the oldest last."""
    signatures = [Webhook(secret).sign(message_id, now, content.decode()) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _data(fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": fields["id"],
        "object": "job",
        "model": fields["model"],
        "operation": fields["operation"],
        "status": fields["status"],
        "created_at": _whole(fields["created_at"]),
        "started_at": _whole(fields["started_at"]) if "started_at" in fields else None,
        "finished_at": _whole(fields["finished_at"]),
        "attempt": int(fields.get("claims", 0)),
        "error": error_of(
            JobStatus(fields["status"]),
            error=json.loads(fields["error"]) if "error" in fields else None,
            timeout_seconds=float(fields["timeout"]) if "timeout" in fields else None,
        ),
        "usage": wire.usage(Usage(**known(Usage, json.loads(fields["usage"])))) if "usage" in fields else None,
        "metadata": json.loads(fields["metadata"]),
        "urls": wire.urls(fields["id"]),
    }


def _whole(seconds: str) -> int:
    return int(float(seconds))
