"""Jobs and their events as OpenAI's objects. Pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.events import Event
from tasks.jobs import Job, Operation, Outcome
from tasks.logprobs import TokenLogprobs

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
                "logprobs": _logprobs(job.operation, choice.logprobs),
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
    if event.text or event.logprobs:
        piece = {"delta": {"content": event.text}} if job.operation is Operation.CHAT else {"text": event.text}
        made.append(_chunk(job, event.index, piece, None, event.logprobs or None))
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


def _chunk(
    job: Job,
    index: int,
    piece: Mapping[str, Any],
    finish_reason: str | None,
    logprobs: Sequence[TokenLogprobs] | None = None,
) -> dict[str, Any]:
    told = _logprobs(job.operation, logprobs)
    choice = {"index": index, **piece, "logprobs": told, "finish_reason": finish_reason}
    return {**_head(job, _CHUNK_OBJECT[job.operation]), "choices": [choice]}


def _logprobs(operation: Operation, logprobs: Sequence[TokenLogprobs] | None) -> dict[str, Any] | None:
    """As the chat endpoint tells them, or as the older completions endpoint does."""
    if logprobs is None:
        return None
    if operation is Operation.CHAT:
        return {"content": [_told(one) for one in logprobs], "refusal": None}
    pieces = [_text(one.piece) for one in logprobs]
    return {
        "tokens": pieces,
        "token_logprobs": [one.logprob for one in logprobs],
        "top_logprobs": [{_text(piece): logprob for piece, logprob in one.top} for one in logprobs],
        "text_offset": [0, *itertools.accumulate(map(len, pieces))][:-1],
    }


def _told(one: TokenLogprobs) -> dict[str, Any]:
    top = [_alternative(piece, logprob) for piece, logprob in one.top]
    return {**_alternative(one.piece, one.logprob), "top_logprobs": top}


def _alternative(piece: bytes, logprob: float) -> dict[str, Any]:
    return {"token": _text(piece), "logprob": logprob, "bytes": list(piece)}


def _text(piece: bytes) -> str:
    return piece.decode(errors="replace")


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {"id": _PREFIX[job.operation] + job.id, "object": kind, "created": int(job.created_at), "model": job.model}
