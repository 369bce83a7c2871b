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
from tasks.errors import CaravanError
from tasks.records.job import QueueState


class WorkersFixed(CaravanError):
    """Raised when a model cannot be unloaded, since its workers always run."""

    http_status = 409
    type = "conflict_error"
    code = "workers_fixed"


class InvalidModelsFile(CaravanError):
    """Raised when models.yaml cannot be read again; what was read before holds."""

    http_status = 400
    type = "invalid_request_error"
    code = "invalid_models_file"


class WorkerState(TypedDict):
    """A live worker."""

    name: str
    slots: Count
    processor: Annotated[str, Field(description="The library's variant for this processor.")]
    memory_bytes: Annotated[Count, Field(description="The most that its process has had of the machine's memory.")]
    cache_tokens: Annotated[Count, Field(description="Tokens of all sequences for which its cache has room.")]
    cache_tokens_used: Annotated[Count, Field(description="Of these, those that it has now; kept prefixes count.")]


class WorkerStart(TypedDict):
    """A worker that does not serve yet."""

    name: str
    state: Literal["loading", "failed"]
    phase: Annotated[str, Field(description="The present phase, or the phase that failed.", examples=["loading"])]
    progress: NotRequired[
        Annotated[float, Field(ge=0, le=1, description="The downloaded or loaded part of the file, from 0 to 1.")]
    ]
    bytes: NotRequired[Annotated[Count, Field(description="While it downloads: bytes of the model that are here.")]]
    total_bytes: NotRequired[Annotated[Count, Field(description="While it downloads: of so many; 0 if not known.")]]
    reason: NotRequired[Annotated[str, Field(description="For a failed worker: the cause, and what to do.")]]


ModelCondition = Literal["loaded", "loading", "downloading", "draining", "failed", "asleep", "absent"]


class ScalingDecision(TypedDict):
    """A worker that was started or stopped by demand."""

    at: Annotated[float, Field(description="Unix time.")]
    action: Annotated[
        Literal["start", "stop", "evict"],
        Field(description="`stop`: the model did not need it any more. `evict`: it made room for another model."),
    ]
    worker: str
    reason: str


class ModelHealth(TypedDict):
    """Whether a model can be served."""

    state: ModelCondition
    reason: NotRequired[str]


class AdapterState(TypedDict):
    """An adapter of a model, and the scale where a request names none."""

    name: str
    scale: float


class ModelState(TypedDict):
    """A model and its workers."""

    id: str
    object: Literal["model"]
    state: ModelCondition
    reason: NotRequired[
        Annotated[str, Field(description="Why it failed, and what to do; or why its next worker has to wait.")]
    ]
    by_demand: Annotated[
        bool, Field(description="Whether workers come and go by demand: then a job wakes a model that is `asleep`.")
    ]
    kind: Literal["generative", "embedding", "rerank"]
    aliases: list[str]
    tags: list[str]
    adapters: list[AdapterState]
    context: Annotated[int, Field(ge=1, description="Tokens: the configured context, or the model's own if less.")]
    slots: Count
    busy: Count
    queued: Count
    running: Count
    tokens_per_second: Annotated[float, Field(ge=0, description="In the last second with work.")]
    num_workers: Annotated[Count, Field(description="Live workers.")]
    workers: Annotated[list[WorkerState], Field(description="Of the live workers, 100 at most.")]
    starting: list[WorkerStart]
    decisions: Annotated[
        list[ScalingDecision], Field(description="For admins: of the last 50 of all models, the model's, newest first.")
    ]


class ModelStateList(TypedDict):
    """The models of the catalogue."""

    object: Literal["list"]
    data: list[ModelState]


class Reload(TypedDict):
    """What has changed in models.yaml since it was read last."""

    object: Literal["models.reload"]
    added: list[str]
    removed: Annotated[list[str], Field(description="They take no jobs any more. Those they have run to their ends.")]
    changed: Annotated[list[str], Field(description="Models with another entry, or another file.")]


class QueuedByPriority(TypedDict):
    """Jobs that wait."""

    high: Count
    normal: Count
    low: Count


class Queue(TypedDict):
    """The jobs of a model that have not ended."""

    model: str
    object: Literal["queue"]
    in_catalogue: Annotated[bool, Field(description="If not, no worker runs its jobs.")]
    state: QueueState
    depth: Count
    queued: QueuedByPriority
    running: Count
    oldest_age_seconds: Annotated[Seconds, Field(description="Age of the oldest job that has not ended.")]


class QueueList(TypedDict):
    """The queues of the catalogue's models; for admins, those of missing models with jobs as well."""

    object: Literal["list"]
    data: list[Queue]


class QueueChange(TypedDict):
    """What became of jobs that waited."""

    model: str
    object: Literal["queue.change"]
    jobs: Annotated[Count, Field(description="Jobs that were cancelled or moved.")]
    left: Annotated[Count, Field(description="Jobs that still wait: call again.")]


class Health(TypedDict):
    """The process is healthy."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Jobs are accepted; and whether they can be run."""

    status: Literal["ok"]
    models: NotRequired[Annotated[dict[str, ModelHealth], Field(description="Those that the caller may use.")]]
