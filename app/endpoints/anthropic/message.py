"""A chat that has ended as Anthropic's message. Pure functions."""

from __future__ import annotations

from app.endpoints.anthropic import wire
from app.endpoints.anthropic.content import Blocks
from tasks.records.job import Job
from tasks.records.outcome import Outcome, Usage


def message(job: Job, outcome: Outcome, *, shows_thinking: bool = True) -> wire.MessageObject:
    """The answer."""
    blocks = Blocks(job, outcome.syntax, shows_thinking=shows_thinking)
    blocks.feed(outcome.choices[0].text)
    blocks.finish()
    stopped = why(outcome, calls=blocks.calls)
    return {
        "id": f"msg_{job.id}",
        "type": "message",
        "role": "assistant",
        "model": job.asked_model,
        "content": blocks.made,
        **stopped,
        "usage": usage(outcome.usage),
    }


def begun(job: Job, counted: Usage) -> wire.MessageObject:
    """The answer before it has any content."""
    return {
        "id": f"msg_{job.id}",
        "type": "message",
        "role": "assistant",
        "model": job.asked_model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(counted),
    }


def why(outcome: Outcome, *, calls: bool) -> wire.Stopped:
    """Why an answer ended: one that calls a tool has not simply stopped."""
    (choice,) = outcome.choices
    if choice.finish_reason == "length":
        return {"stop_reason": "max_tokens", "stop_sequence": None}
    if choice.stop_string:
        return {"stop_reason": "stop_sequence", "stop_sequence": choice.stop_string}
    return {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}


def usage(counted: Usage) -> wire.MessageUsage:
    """The tokens. Anthropic counts those from the cache apart."""
    told: wire.MessageUsage = {
        "input_tokens": counted.prompt_tokens - counted.cached_tokens,
        "output_tokens": counted.completion_tokens,
        "cache_read_input_tokens": counted.cached_tokens,
        "cache_creation_input_tokens": 0,
    }
    if counted.answer_cached:
        told["answer_cached"] = True
    return told
