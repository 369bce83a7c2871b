"""Jobs that have ended as OpenAI's objects. Pure functions; `app.endpoints.openai.chunks` has those of a stream."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from importlib.metadata import version
from typing import Literal, cast

from app.bodies.service_tier import served_as
from app.endpoints.openai import token_texts, wire
from app.endpoints.openai.generated_text import answer, call_id
from app.endpoints.openai.generation import verbose
from app.endpoints.openai.timings import timings
from app.http.turns import in_turns
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Choice, Outcome
from tasks.records.shown_tokens import Offsets
from tasks.records.wire import usage

TURN = 50
"""Tokens with their alternatives between two pauses: a few milliseconds."""
FINGERPRINT = f"build-{version('llama-caravan')}"
"""llama-server's begins with a b too."""
_PREFIX = {Operation.CHAT: "chatcmpl-", Operation.COMPLETION: "cmpl-"}


def chat_completion(job: Job, outcome: Outcome) -> wire.ChatCompletion:
    """The answer of a chat."""
    made = [_chat_choice(job, choice) for choice in outcome.choices]
    answer: wire.ChatCompletion = {
        "id": object_id(job),
        "object": "chat.completion",
        "created": int(job.created_at),
        "model": job.asked_model,
        "system_fingerprint": FINGERPRINT,
        "choices": made,
        "usage": usage(outcome.usage),
        "timings": timings(outcome),
    }
    if job.request.get("tells_prompt"):
        answer["__verbose"] = verbose(job, outcome)
    if tier := served_as(job):
        answer["service_tier"] = tier
    return answer


def completion(job: Job, outcome: Outcome) -> wire.Completion:
    """The answer of a completion of the older kind."""
    made = [_completion_choice(job, choice) for choice in outcome.choices]
    answer: wire.Completion = {
        "id": object_id(job),
        "object": "text_completion",
        "created": int(job.created_at),
        "model": job.asked_model,
        "system_fingerprint": FINGERPRINT,
        "choices": made,
        "usage": usage(outcome.usage),
        "timings": timings(outcome),
    }
    if job.request.get("tells_prompt"):
        answer["__verbose"] = verbose(job, outcome)
    return answer


def made_of(job: Job) -> wire.MadeOf:
    """What the objects of a job have in common."""
    return {"created": int(job.created_at), "model": job.asked_model, "system_fingerprint": FINGERPRINT}


def object_id(job: Job) -> str:
    """What OpenAI's objects of a job are called, streamed or whole."""
    return _PREFIX[job.operation] + job.id


def tool_call(job: Job, choice: int, call: int, name: str, arguments: str) -> wire.MadeCall:
    """A tool call of a message."""
    function: wire.CallOfFunction = {"name": name, "arguments": arguments}
    return {"id": call_id(job, choice, call), "type": "function", "function": function}


def echoed(job: Job, index: int, prompt_text: str) -> str:
    """What is to stand before a completion's text: the prompt, or what a worker told of one that is token ids."""
    if not job.request.get("echo"):
        return ""
    prompt = job.request["prompt"][index // job.request["sampling"]["n"]]
    return prompt if isinstance(prompt, str) else prompt_text


def chat_logprobs(logprobs: Collection[TokenLogprobs] | None) -> wire.ChatLogprobs | None:
    """Logprobs as the chat endpoint tells them."""
    return (
        None
        if logprobs is None
        else {"content": [token_logprob(one) for one in in_turns(logprobs, TURN)], "refusal": None}
    )


def completion_logprobs(
    logprobs: Collection[TokenLogprobs] | None, offsets: Offsets | None = None
) -> wire.CompletionLogprobs | None:
    """Logprobs as the older completions endpoint tells them; `offsets` knows those of the tokens before."""
    if logprobs is None:
        return None
    offsets = offsets or Offsets()
    listed = list(in_turns(logprobs, TURN))
    return {
        "tokens": [token_texts.name(one.piece) for one in listed],
        "token_logprobs": [one.logprob for one in listed],
        "top_logprobs": [
            None if one.logprob is None else token_texts.by_name(one.top) for one in in_turns(listed, TURN)
        ],
        "text_offset": [offsets.of(one.piece) for one in listed],
    }


def token_logprob(one: TokenLogprobs) -> wire.TokenLogprob:
    """One token's logprobs, with those of its likeliest alternatives."""
    top = [_alternative(piece, logprob) for piece, logprob in one.top]
    return {**_alternative(one.piece, one.logprob or 0.0), "top_logprobs": top}


def chat_finish_reason(reason: str, *, calls: bool) -> Literal["stop", "length", "tool_calls"]:
    """OpenAI's word for why a choice ended: one that calls a function has not simply stopped."""
    return "tool_calls" if calls and reason == "stop" else finish_reason(reason)


def finish_reason(reason: str) -> Literal["stop", "length"]:
    """Why a choice ended, as a worker wrote it down."""
    return cast('Literal["stop", "length"]', reason)


def _chat_choice(job: Job, choice: Choice) -> wire.ChatChoice:
    parts = answer(job, choice.text)
    message: wire.AssistantMessage = {"role": "assistant", "content": parts.content, "refusal": None}
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
        "finish_reason": chat_finish_reason(choice.finish_reason, calls=bool(parts.calls)),
    }


def _completion_choice(job: Job, choice: Choice) -> wire.CompletionChoice:
    return {
        "index": choice.index,
        "text": echoed(job, choice.index, choice.prompt) + choice.text,
        "logprobs": completion_logprobs(choice.logprobs),
        "finish_reason": finish_reason(choice.finish_reason),
    }


def _alternative(piece: bytes, logprob: float) -> wire.TokenAlternative:
    text, numbers = _told(piece)
    return {"token": text, "logprob": logprob, "bytes": numbers}


@lru_cache(1 << 14)
def _told(piece: bytes) -> tuple[str, list[int]]:
    """The text and the bytes of a token: an answer with logprobs tells the same tokens thousands of times."""
    return piece.decode(errors="replace"), list(piece)
