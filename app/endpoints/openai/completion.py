"""Jobs that have ended as OpenAI's objects. Pure functions; `app.endpoints.openai.chunks` has those of a stream."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from app.endpoints.openai.generated_text import answer, call_id
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Choice, Outcome

_PREFIX = {Operation.CHAT: "chatcmpl-", Operation.COMPLETION: "cmpl-"}
_OBJECT = {Operation.CHAT: "chat.completion", Operation.COMPLETION: "text_completion"}


def completion(job: Job, outcome: Outcome) -> dict[str, Any]:
    """A chat completion, or a completion of the older kind."""
    make = _chat_choice if job.operation is Operation.CHAT else _completion_choice
    choices = [make(job, choice) for choice in outcome.choices]
    return {**head(job, _OBJECT[job.operation]), "choices": choices, "usage": outcome.usage.to_wire()}


def head(job: Job, kind: str) -> dict[str, Any]:
    """What every object of a job begins with."""
    return {"id": _PREFIX[job.operation] + job.id, "object": kind, "created": int(job.created_at), "model": job.model}


def tool_call(job: Job, choice: int, call: int, name: str, arguments: str) -> dict[str, Any]:
    """A tool call of a message."""
    function = {"name": name, "arguments": arguments}
    return {"id": call_id(job, choice, call), "type": "function", "function": function}


def echoed(job: Job, index: int) -> str:
    """What is to stand before a completion's text."""
    if not job.request.get("echo"):
        return ""
    return str(job.request["prompt"][index // job.request["sampling"]["n"]])


def chat_logprobs(logprobs: Sequence[TokenLogprobs] | None) -> dict[str, Any] | None:
    """Logprobs as the chat endpoint tells them."""
    return None if logprobs is None else {"content": [token_logprob(one) for one in logprobs], "refusal": None}


def completion_logprobs(logprobs: Sequence[TokenLogprobs] | None, offset: int = 0) -> dict[str, Any] | None:
    """Logprobs as the older completions endpoint tells them; `offset` is where the first token begins in the text."""
    if logprobs is None:
        return None
    pieces = [_text(one.piece) for one in logprobs]
    return {
        "tokens": pieces,
        "token_logprobs": [one.logprob for one in logprobs],
        "top_logprobs": [{_text(piece): logprob for piece, logprob in one.top} for one in logprobs],
        "text_offset": [*itertools.accumulate(map(len, pieces), initial=offset)][:-1],
    }


def token_logprob(one: TokenLogprobs) -> dict[str, Any]:
    """One token's logprobs, with those of its likeliest alternatives."""
    top = [_alternative(piece, logprob) for piece, logprob in one.top]
    return {**_alternative(one.piece, one.logprob), "top_logprobs": top}


def _chat_choice(job: Job, choice: Choice) -> dict[str, Any]:
    parts = answer(job, choice.text)
    message: dict[str, Any] = {"role": "assistant", "content": parts.content, "refusal": None}
    if parts.reasoning is not None:
        message["reasoning_content"] = parts.reasoning
    if parts.calls:
        message["tool_calls"] = [
            tool_call(job, choice.index, number, call.name, call.arguments) for number, call in enumerate(parts.calls)
        ]
    return {
        "index": choice.index,
        "message": message,
        "logprobs": chat_logprobs(choice.logprobs),
        "finish_reason": finish_reason(choice.finish_reason, calls=bool(parts.calls)),
    }


def finish_reason(reason: str, *, calls: bool) -> str:
    """OpenAI's word for why a choice ended: one that calls a function has not simply stopped."""
    return "tool_calls" if calls and reason == "stop" else reason


def _completion_choice(job: Job, choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "text": echoed(job, choice.index) + choice.text,
        "logprobs": completion_logprobs(choice.logprobs),
        "finish_reason": choice.finish_reason,
    }


def _alternative(piece: bytes, logprob: float) -> dict[str, Any]:
    return {"token": _text(piece), "logprob": logprob, "bytes": list(piece)}


def _text(piece: bytes) -> str:
    return piece.decode(errors="replace")
