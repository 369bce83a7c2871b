"""Where a job's time went, as llama-server tells it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count
from tasks.records.event import TELLS_TIMES, Event
from tasks.records.job import Job
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
    draft_n: NotRequired[Annotated[Count, Field(description="Tokens that were drafted, if any were.")]]
    draft_n_accepted: NotRequired[Annotated[Count, Field(description="Those of them that came true.")]]


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


@dataclass(slots=True)
class _SoFar:
    """Of one choice. Under an earlier fence another worker may have decoded it: its seconds count as well."""

    num_prompt: int = 0
    num_cached: int = 0
    num_predicted: int = 0
    prompt_seconds: float = 0.0
    fence: int = -1
    before: float = 0.0
    decode_seconds: float = 0.0


class RunningTimings:
    """The times so far of a job's choices, with `timings_per_token`: a fold over its events, in order from the first.

    A worker of an older version tells no times. Then there are none, nor are there of an answer that is another job's.
    """

    def __init__(self, job: Job) -> None:
        self._are_asked = bool(job.request.get(TELLS_TIMES)) and not job.repeats
        self._choices: dict[int, _SoFar] = {}

    def of(self, event: Event) -> LlamaTimings | None:
        """Those up to an event, of its choice; None if they are not asked for or not known."""
        if not self._are_asked:
            return None
        if event.type == "progress":
            computed = event.processed_tokens > event.cached_tokens
            return figures(
                num_prompt=event.processed_tokens,
                num_cached=event.cached_tokens,
                prompt_seconds=event.seconds if computed else 0.0,
                num_predicted=0,
                predicted_seconds=0.0,
            )
        if event.type != "token" or not event.prefill_seconds:
            return None
        choice = self._choices.setdefault(event.index, _SoFar())
        if choice.fence != event.cursor.fence:
            choice.fence, choice.before = event.cursor.fence, choice.before + choice.decode_seconds
        choice.num_prompt = choice.num_prompt or event.prompt_tokens
        choice.num_cached = choice.num_cached or event.cached_tokens
        choice.num_predicted += len(event.tokens)
        choice.prompt_seconds = choice.prompt_seconds or event.prefill_seconds
        choice.decode_seconds = event.decode_seconds
        return figures(
            num_prompt=choice.num_prompt,
            num_cached=choice.num_cached,
            prompt_seconds=choice.prompt_seconds,
            num_predicted=choice.num_predicted,
            predicted_seconds=choice.before + choice.decode_seconds,
        )


def timings(outcome: Outcome) -> LlamaTimings:
    """Those of a job that has ended; without times if it was finished before its last worker had it."""
    taken, usage = outcome.timings, outcome.usage
    made = figures(
        num_prompt=usage.prompt_tokens,
        num_cached=usage.cached_tokens,
        prompt_seconds=taken.prefill_seconds if taken else 0.0,
        num_predicted=usage.completion_tokens,
        predicted_seconds=taken.decode_seconds if taken else 0.0,
    )
    if taken and taken.drafted_tokens:
        made["draft_n"], made["draft_n_accepted"] = taken.drafted_tokens, taken.accepted_tokens
    return made


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
