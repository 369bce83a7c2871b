"""What the calls about models, queues and health answer with."""

from __future__ import annotations

from typing import (
    Annotated,
    Literal,
    NotRequired,  # pydantic takes the standard library's from Python 3.12 on
)

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count, Seconds
from tasks.records.job import QueueState


class WorkerState(TypedDict):
    """A worker that lives."""

    name: str
    slots: Count
    processor: Annotated[str, Field(description="What computes the model: the library's variant for this processor.")]


class WorkerStart(TypedDict):
    """A worker that does not serve yet."""

    name: str
    state: Literal["loading", "failed"]
    phase: Annotated[str, Field(description="What it does just now, or failed at.", examples=["loading"])]
    progress: NotRequired[Annotated[float, Field(ge=0, le=1, description="Of loading the file.")]]
    reason: NotRequired[Annotated[str, Field(description="What happened and what to do; of one that failed.")]]


ModelCondition = Literal["loaded", "loading", "failed", "asleep"]


class ModelHealth(TypedDict):
    """Whether a model can be served."""

    state: ModelCondition
    reason: NotRequired[str]


class ModelState(TypedDict):
    """What the cluster makes of a model."""

    id: str
    object: Literal["model"]
    state: ModelCondition
    reason: NotRequired[Annotated[str, Field(description="Why it cannot be served, and what to do; of a failed one.")]]
    kind: Literal["generative", "embedding"]
    context: Annotated[int, Field(ge=1, description="Tokens; of the model's file, if that has less than asked for.")]
    slots: Count
    busy: Count
    queued: Count
    running: Count
    tokens_per_second: Annotated[float, Field(ge=0, description="Of the last second with work.")]
    workers: list[WorkerState]
    starting: list[WorkerStart]


class ModelStateList(TypedDict):
    """The models of the catalogue."""

    object: Literal["list"]
    data: list[ModelState]


class QueuedByPriority(TypedDict):
    """Jobs that wait."""

    high: Count
    normal: Count
    low: Count


class Queue(TypedDict):
    """What waits for a model."""

    model: str
    object: Literal["queue"]
    state: QueueState
    depth: Count
    queued: QueuedByPriority
    running: Count
    oldest_age_seconds: Annotated[Seconds, Field(description="Of the oldest job that has not ended.")]


class QueueList(TypedDict):
    """The queues of the catalogue's models."""

    object: Literal["list"]
    data: list[Queue]


class Health(TypedDict):
    """It is well."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Jobs are accepted; and whether they can be run."""

    status: Literal["ok"]
    models: NotRequired[Annotated[dict[str, ModelHealth], Field(description="For those who may use them.")]]
