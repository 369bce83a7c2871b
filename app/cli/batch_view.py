"""Batches of a cluster, as `/v1/batches` has them, on a screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.cli.moments import moment
from app.cli.table import labelled, wrapped
from app.cli.words import counted

Batch = Mapping[str, Any]

ENDED = ("completed", "failed", "expired", "cancelled")
SHOWN_ERRORS = 10


def state(batch: Batch) -> str:
    """Its status; that it is paused is none of OpenAI's."""
    return "paused" if batch["paused_at"] else str(batch["status"])


def row(batch: Batch) -> list[object]:
    """Its row in a list."""
    counts = batch["request_counts"]
    answered = batch["progress"]["answered"]
    return [batch["id"], state(batch), answered, counts["failed"], counts["total"], moment(batch["created_at"])]


def progress(batch: Batch) -> str:
    """How far it has come, in a line."""
    found, counts = batch["progress"], batch["request_counts"]
    parts = [state(batch)]
    if counts["total"]:  # unknown until the file has been read
        parts.append(f"{found['answered']} of {counted(counts['total'], 'line')}")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    if found["tokens_per_second"]:
        parts.append(f"{found['tokens_per_second']:.0f} tokens/s")
    if found["eta_seconds"] is not None:
        parts.append(f"{found['eta_seconds']} s left")
    if found["stalled"]:
        parts.append(found["stalled"]["message"])
    return ", ".join(parts)


def details(batch: Batch, *, width: int | None) -> list[str]:
    """All that a person wants to know of one batch, and what to do next."""
    usage = batch["usage"]
    tokens = f"{counted(usage['input_tokens'], 'token')} read, {usage['output_tokens']} written"
    told = {
        "id": batch["id"],
        "status": progress(batch),
        "endpoint": batch["endpoint"],
        "model": batch["model"],
        "tokens": tokens if usage["total_tokens"] else None,
        "created": moment(batch["created_at"]),
        "expires": None if batch["status"] in ENDED else moment(batch["expires_at"]),
        "input": batch["input_file_id"],
        "output": batch["output_file_id"],
        "errors": batch["error_file_id"],
    }
    return [
        *labelled(told, width),
        *(line for text in (*faults(batch), *_advice(batch)) for line in wrapped(text, width)),
    ]


def faults(batch: Batch) -> list[str]:
    """What was at fault in its input, line by line."""
    found = batch["errors"]["data"] if batch["errors"] else []
    told = [f"line {each['line']}: {each['message']}" if each["line"] else str(each["message"]) for each in found]
    more = [f"... and {counted(len(told) - SHOWN_ERRORS, 'more error')}"] if len(told) > SHOWN_ERRORS else []
    return told[:SHOWN_ERRORS] + more


def _advice(batch: Batch) -> list[str]:
    if batch["status"] == "failed":
        return ["No line ran. Correct these lines and create the batch again."]
    if batch["output_file_id"] or batch["error_file_id"]:
        return [f"`caravan batches fetch {batch['id']} -o FILE` writes its output."]
    return []
