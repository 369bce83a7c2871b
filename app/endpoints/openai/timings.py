"""Where a job's time went, as llama-server tells it. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count
from tasks.records.event import Event
from tasks.records.outcome import Outcome

Figure = Annotated[float, Field(ge=0)]


class LlamaTimings(TypedDict):
    """Times are in milliseconds. The first token takes none to be predicted: the prompt gives it."""

    cache_n: Annotated[Count, Field(description="Tokens of the prompt that were computed before.")]
    prompt_n: Annotated[Count, Field(description="Those that were computed.")]
    prompt_ms: Figure
    prompt_per_token_ms: Figure
    prompt_per_second: Figure
    predicted_n: Count
    predicted_ms: Figure
    predicted_per_token_ms: Figure
    predicted_per_second: Figure


class PromptProgress(TypedDict):
    """How far a prompt has been read, with `return_progress`: before its first token, and then after each step."""

    total: Annotated[Count, Field(description="Tokens of the prompt.")]
    cache: Annotated[Count, Field(description="Those that were computed before.")]
    processed: Annotated[Count, Field(description="Those that are there by now, cached ones included.")]
    time_ms: Annotated[Count, Field(description="Since the prompt has a slot.")]


def prompt_progress(event: Event) -> PromptProgress:
    """That of an event of this type."""
    return {
        "total": event.prompt_tokens,
        "cache": event.cached_tokens,
        "processed": event.processed_tokens,
        "time_ms": int(1e3 * event.seconds),
    }


def timings(outcome: Outcome) -> LlamaTimings:
    """Those of a job that has ended; without times if it was finished before its last worker had it."""
    taken, usage = outcome.timings, outcome.usage
    return figures(
        num_prompt=usage.prompt_tokens,
        num_cached=usage.cached_tokens,
        prompt_seconds=taken.prefill_seconds if taken else 0.0,
        num_predicted=usage.completion_tokens,
        predicted_seconds=taken.decode_seconds if taken else 0.0,
    )


def figures(
    *, num_prompt: int, num_cached: int, prompt_seconds: float, num_predicted: int, predicted_seconds: float
) -> LlamaTimings:
    """The figures of so many tokens and seconds; what cannot be divided is 0."""
    prompt, prompt_ms, predicted_ms = num_prompt - num_cached, 1e3 * prompt_seconds, 1e3 * predicted_seconds
    steps = max(0, num_predicted - 1)
    return {
        "cache_n": num_cached,
        "prompt_n": prompt,
        "prompt_ms": prompt_ms,
        "prompt_per_token_ms": _divided(prompt_ms, prompt),
        "prompt_per_second": _divided(1e3 * prompt, prompt_ms),
        "predicted_n": num_predicted,
        "predicted_ms": predicted_ms,
        "predicted_per_token_ms": _divided(predicted_ms, steps),
        "predicted_per_second": _divided(1e3 * steps, predicted_ms),
    }


def _divided(value: float, by: float) -> float:
    return value / by if by else 0.0
