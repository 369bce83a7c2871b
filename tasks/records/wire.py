"""What is told of a job in JSON, by the front and by webhooks alike. Pure functions."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tasks.records import outcome as records


class CachedTokens(TypedDict):
    """Tokens of the prompt that were shared with another and not computed again."""

    cached_tokens: Annotated[int, Field(ge=0)]


AnswerCached = Annotated[Literal[True], Field(description="There if the answer is that of an earlier job.")]


class Usage(TypedDict):
    """Tokens read and written."""

    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]
    total_tokens: Annotated[int, Field(ge=0)]
    prompt_tokens_details: CachedTokens
    answer_cached: NotRequired[AnswerCached]


class JobUrls(TypedDict):
    """Paths of the job's calls."""

    self: str
    events: str
    cancel: str


def usage(counted: records.Usage) -> Usage:
    """The tokens of a job."""
    told: Usage = {
        "prompt_tokens": counted.prompt_tokens,
        "completion_tokens": counted.completion_tokens,
        "total_tokens": counted.prompt_tokens + counted.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": counted.cached_tokens},
    }
    if counted.answer_cached:
        told["answer_cached"] = True
    return told


def urls(job_id: str) -> JobUrls:
    """Where a job is found; the front is asked at an address that only its clients know."""
    return {"self": f"/jobs/{job_id}", "events": f"/jobs/{job_id}/events", "cancel": f"/jobs/{job_id}/cancel"}
