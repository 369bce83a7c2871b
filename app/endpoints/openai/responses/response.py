"""A job as OpenAI's Response object. Pure functions; `app.endpoints.openai.responses.events` has its stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.endpoints.openai.generated_text import answer, call_id
from app.endpoints.openai.responses.output import Output
from tasks.records.job import Job, JobStatus
from tasks.records.outcome import Usage

PREFIX = "resp_"
Status = str
"""One of OpenAI's: queued, in_progress, completed, incomplete, failed, cancelled."""

_STATUS: Mapping[JobStatus, Status] = {
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "in_progress",
    JobStatus.SUCCEEDED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
    JobStatus.EXPIRED: "failed",
}
_ERROR_CODES = {"invalid_request_error": "invalid_prompt", "rate_limit_error": "rate_limit_exceeded"}
"""OpenAI's codes for our types of errors; any other is a ``server_error``."""


def response(job: Job) -> dict[str, Any]:
    """The response, whatever its job's status."""
    status = _status(job)
    ended_well = job.outcome is not None
    return {
        **skeleton(job, status),
        "completed_at": int(job.finished_at) if status == "completed" and job.finished_at else None,
        "error": _error(job) if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": _output(job) if ended_well else [],
        "usage": _usage(job.outcome.usage) if job.outcome else None,
    }


def skeleton(job: Job, status: Status) -> dict[str, Any]:
    """The response without anything that comes with its end: the same however often its job is begun."""
    asked, sampling = job.request["response"], job.request["sampling"]
    return {
        "id": PREFIX + job.id,
        "object": "response",
        "created_at": int(job.created_at),
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": job.model,
        "output": [],
        **asked,
        "metadata": dict(job.metadata),
        "temperature": sampling["temperature"],
        "top_p": sampling["top_p"],
        "max_output_tokens": sampling["max_tokens"],
        "service_tier": "default",
        "truncation": "disabled",
        "usage": None,
    }


def conversation(job: Job) -> list[dict[str, Any]]:
    """The messages of a response that ended well, its own last, for another to go on from.

    Instructions are not among them: each response has its own.
    """
    return [*_asked(job), *_said(job)]


def input_items(job: Job) -> list[dict[str, Any]]:
    """What the response was made from, earlier responses included, as items; the oldest first."""
    items: list[dict[str, Any]] = []
    for message in _asked(job):
        for item in _items(message):
            items.append({"id": f"in_{job.id}_{len(items)}", **item, "status": "completed"})
    return items


def _status(job: Job) -> Status:
    if job.outcome and job.outcome.choices[0].finish_reason == "length":
        return "incomplete"
    return _STATUS[job.status]


def _output(job: Job) -> list[dict[str, Any]]:
    assert job.outcome is not None
    choice, output = job.outcome.choices[0], Output(job, job.outcome.syntax)
    output.feed(choice.text, choice.logprobs or ())
    output.finish(cut=choice.finish_reason == "length")
    return output.items


def _usage(usage: Usage) -> dict[str, Any]:
    """Tokens of reasoning are not counted apart, and nothing is charged for filling a cache."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _error(job: Job) -> dict[str, Any]:
    if job.status is JobStatus.EXPIRED:
        return {
            "code": "server_error",
            "message": "The job's timeout ran out before it ended.",
            "type": "timeout_error",
        }
    error = job.error or {"message": "The response failed.", "type": "server_error"}
    kind = error.get("type")
    return {
        "code": _ERROR_CODES.get(str(kind), "server_error"),
        "message": error["message"],
        "param": error.get("param"),
        "type": kind,
    }


def _asked(job: Job) -> list[dict[str, Any]]:
    """The messages of the request but for the instructions, which are the first where there are any."""
    messages: list[dict[str, Any]] = job.request["messages"]
    return messages[1:] if job.request["response"]["instructions"] else messages


def _said(job: Job) -> list[dict[str, Any]]:
    if job.outcome is None:
        return []
    parts = answer(job, job.outcome.choices[0].text)
    message: dict[str, Any] = {"role": "assistant", "content": parts.content or ""}
    if parts.calls:
        message["tool_calls"] = [
            {
                "id": call_id(job, 0, number),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for number, call in enumerate(parts.calls)
        ]
    return [message]


def _items(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items that a message stands for."""
    text, role = message["content"], message["role"]
    if role == "tool":
        return [{"type": "function_call_output", "call_id": message["tool_call_id"], "output": text}]
    if role != "assistant":
        return [{"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}]
    calls = [
        {"type": "function_call", "call_id": call["id"], **call["function"]} for call in message.get("tool_calls", ())
    ]
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    said = [{"type": "message", "role": role, "content": [part]}] if text or not calls else []
    return [*said, *calls]
