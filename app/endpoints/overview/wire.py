"""The cluster at a glance."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.cluster.wire import ModelCondition, Queue
from app.http.wire_types import Count, Seconds


class ModelGlance(TypedDict):
    """A model, its workers in sums, and its queue."""

    id: str
    state: ModelCondition
    reason: Annotated[str | None, Field(description="Why it failed, or why its next worker has to wait.")]
    workers: Annotated[Count, Field(description="Live workers.")]
    starting: Annotated[Count, Field(description="Workers that do not serve yet.")]
    progress: Annotated[
        float | None, Field(ge=0, le=1, description="Of the download or the loading that is furthest, from 0 to 1.")
    ]
    slots: Count
    busy: Count
    tokens_per_second: Annotated[float, Field(ge=0, description="In the last second with work.")]
    queue: Queue
    eta_seconds: Annotated[
        Seconds | None, Field(description="Until a job that is accepted now is likely to begin; null if unknown.")
    ]
    dead_letters: Annotated[Count, Field(description="Jobs that workers died of.")]


class RedisGlance(TypedDict):
    """The memory of Redis."""

    used_bytes: Count
    max_bytes: Annotated[Count | None, Field(description="What it may use; null is any.")]


class Overview(TypedDict):
    """The cluster at one moment, a second ago at most."""

    object: Literal["overview"]
    at: Annotated[float, Field(description="Unix time.")]
    models: Annotated[
        list[ModelGlance], Field(description="Those that the caller may use; for admins, missing ones with jobs, too.")
    ]
    redis: Annotated[RedisGlance | None, Field(description="For admins.")]
