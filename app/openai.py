"""Jobs and their events as OpenAI's objects. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.events import Event
from tasks.jobs import Job, Operation, Outcome

_PREFIX = {Operation.CHAT: "chatcmpl-", Operation.COMPLETION: "cmpl-"}
_OBJECT = {Operation.CHAT: "chat.completion", Operation.COMPLETION: "text_completion"}
_CHUNK_OBJECT = {Operation.CHAT: "chat.completion.chunk", Operation.COMPLETION: "text_completion"}


def result(job: Job) -> dict[str, Any] | None:
    """What the ``/v1`` endpoint answers for a job that succeeded; None for any other."""
    if job.outcome is None:
        return None
    return {
        **_head(job, _OBJECT[job.operation]),
        "choices": [
            {
                "index": choice.index,
                **_content(job.operation, choice.text),
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for choice in job.outcome.choices
        ],
        "usage": job.outcome.usage.to_wire(),
    }


def role_chunk(job: Job, index: int) -> dict[str, Any]:
    """The first chunk of a chat's choice, which says who speaks."""
    return _chunk(job, index, {"delta": {"role": "assistant", "content": ""}}, None)


def chunks(job: Job, event: Event) -> list[dict[str, Any]]:
    """The chunks for one token event: its text if it has any, then the end of the choice if it is that."""
    made = []
    if event.text:
        piece = {"delta": {"content": event.text}} if job.operation is Operation.CHAT else {"text": event.text}
        made.append(_chunk(job, event.index, piece, None))
    if event.finish_reason:
        last: dict[str, Any] = {"delta": {}} if job.operation is Operation.CHAT else {"text": ""}
        made.append(_chunk(job, event.index, last, event.finish_reason))
    return made


def usage_chunk(job: Job, outcome: Outcome) -> dict[str, Any]:
    """The chunk that ``stream_options.include_usage`` asks for: no choices, only the counts."""
    return {**_head(job, _CHUNK_OBJECT[job.operation]), "choices": [], "usage": outcome.usage.to_wire()}


def _content(operation: Operation, text: str) -> dict[str, Any]:
    if operation is Operation.CHAT:
        return {"message": {"role": "assistant", "content": text, "refusal": None}}
    return {"text": text}


def _chunk(job: Job, index: int, piece: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": index, **piece, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(job, _CHUNK_OBJECT[job.operation]), "choices": [choice]}


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {"id": _PREFIX[job.operation] + job.id, "object": kind, "created": int(job.created_at), "model": job.model}
