"""A job as OpenAI's Response object. Pure functions; `app.endpoints.openai.responses.events` has its stream."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, cast

from app.bodies.service_tier import served_as
from app.endpoints.openai.completion import tool_call
from app.endpoints.openai.generated_text import answer
from app.endpoints.openai.responses import wire
from app.endpoints.openai.responses.custom_tools import custom_names, input_of
from app.endpoints.openai.responses.output import Output
from tasks.records.ending import error_of
from tasks.records.job import Job, JobStatus
from tasks.records.outcome import Outcome, Usage

PREFIX = "resp_"
_STATUS: Mapping[JobStatus, wire.Status] = {
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "in_progress",
    JobStatus.SUCCEEDED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
    JobStatus.EXPIRED: "failed",
}
_ERROR_CODES: Mapping[str, wire.ErrorCode] = {
    "invalid_request_error": "invalid_prompt",
    "exceed_context_size_error": "invalid_prompt",
    "rate_limit_error": "rate_limit_exceeded",
}
"""OpenAI's codes for our types of errors; any other is a ``server_error``."""


def response(job: Job) -> wire.ResponseObject:
    """The response, whatever its job's status."""
    status = _status(job)
    return {
        **skeleton(job, status),
        "completed_at": int(job.finished_at) if status == "completed" and job.finished_at else None,
        "error": _error(job) if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": _output(job, job.outcome) if job.outcome else [],
        "usage": _usage(job.outcome.usage) if job.outcome else None,
    }


def skeleton(job: Job, status: wire.Status) -> wire.ResponseObject:
    """The response without anything that comes with its end: the same however often its job is begun."""
    asked, sampling = cast("wire.EchoedRequest", job.request["response"]), job.request["sampling"]
    return {
        "id": PREFIX + job.id,
        "object": "response",
        "created_at": int(job.created_at),
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": job.asked_model,
        "output": [],
        **asked,
        "metadata": dict(job.metadata),
        "temperature": sampling["temperature"],
        "top_p": sampling["top_p"],
        "max_output_tokens": sampling["max_tokens"],
        "service_tier": served_as(job) or "default",
        "truncation": "disabled",
        "usage": None,
    }


def conversation(job: Job) -> list[dict[str, Any]]:
    """The messages of a response that ended well, its own last, for another to go on from.

    Instructions are not among them: each response has its own.
    """
    return [*_asked(job), *_said(job)]


def input_items(job: Job) -> list[wire.InputItem]:
    """What the response was made from, earlier responses included, as items; the oldest first."""
    items: list[wire.InputItem] = []
    custom = custom_names(job.request["response"]["tools"])
    for message in _asked(job):
        items += _items(message, f"in_{job.id}_", len(items))
    return _with_custom_calls(items, custom)


def _with_custom_calls(items: list[wire.InputItem], names: Container[str]) -> list[wire.InputItem]:
    """The items, with calls of tools that take a text, and their results, as such."""
    made: list[wire.InputItem] = []
    called: set[str] = set()
    for item in items:
        if item["type"] == "function_call" and item["name"] in names:
            called.add(item["call_id"])
            text = input_of(item["arguments"])
            call: wire.CustomCallItem = {
                "id": item["id"],
                "type": "custom_tool_call",
                "status": item["status"],
                "call_id": item["call_id"],
                "name": item["name"],
                "input": text,
            }
            made.append(call)
        elif item["type"] == "function_call_output" and item["call_id"] in called:
            made.append({**item, "type": "custom_tool_call_output"})
        else:
            made.append(item)
    return made


def _status(job: Job) -> wire.Status:
    if job.outcome and job.outcome.choices[0].finish_reason == "length":
        return "incomplete"
    return _STATUS[job.status]


def _output(job: Job, outcome: Outcome) -> list[wire.OutputItem]:
    choice, output = outcome.choices[0], Output(job, outcome.syntax)
    output.feed(choice.text, choice.logprobs or ())
    output.finish(cut=choice.finish_reason == "length")
    return output.items


def _usage(usage: Usage) -> wire.ResponseUsage:
    """Tokens of reasoning are not counted apart, and nothing is charged for filling a cache."""
    told: wire.ResponseUsage = {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    if usage.answer_cached:
        told["answer_cached"] = True
    return told


def _error(job: Job) -> wire.ResponseError:
    found = error_of(job.status, error=job.error, timeout_seconds=job.timeout_seconds)
    error = found or {"message": "The response failed.", "type": "server_error"}
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
    if parts.reasoning:
        message["reasoning_content"] = parts.reasoning
    if parts.calls:
        message["tool_calls"] = [
            tool_call(job, 0, number, call.name, call.arguments) for number, call in enumerate(parts.calls)
        ]
    return [message]


def _items(message: Mapping[str, Any], prefix: str, first: int) -> list[wire.InputItem]:
    """The items that a message stands for, whose ids are numbered from `first` on."""
    text, role, item_id = message["content"], message["role"], f"{prefix}{first}"
    if role == "tool":
        answers = message["tool_call_id"]
        return [
            {"id": item_id, "type": "function_call_output", "call_id": answers, "output": text, "status": "completed"}
        ]
    calls = message.get("tool_calls", ()) if role == "assistant" else ()
    items: list[wire.InputItem] = []
    if text or not calls:
        part: wire.InputText | wire.OutputText = {"type": "input_text", "text": text}
        if role == "assistant":
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        items.append({"id": item_id, "type": "message", "role": role, "content": [part], "status": "completed"})
    for number, call in enumerate(calls, first + len(items)):
        item: wire.FunctionCallItem = {
            "id": f"{prefix}{number}",
            "type": "function_call",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
            "status": "completed",
        }
        items.append(item)
    return items
