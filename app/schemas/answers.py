"""What the API answers with, for the document: errors, jobs and the cluster.

Its tests hold every answer against it.
"""

from __future__ import annotations

from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic takes the standard library's from Python 3.12 on
)

from pydantic import Field
from typing_extensions import TypedDict

from app.schemas.openai_answers import (
    ChatCompletion,
    Completion,
    Count,
    EmbeddingList,
    RenderedPrompt,
    TokenList,
    TokensText,
    Usage,
    When,
)
from app.schemas.response_answers import ResponseObject
from tasks.jobs import JobStatus, Operation, Priority, QueueState

Seconds = Annotated[float, Field(ge=0)]


class Error(TypedDict):
    """What went wrong. Act on `code`; `message` is for people."""

    message: str
    type: Literal[
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "conflict_error",
        "rate_limit_error",
        "server_error",
        "unavailable_error",
        "timeout_error",
    ]
    param: Annotated[str | None, Field(description="The field at fault.")]
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]


class ErrorAnswer(TypedDict):
    """The form of every failure."""

    error: Error


class JobDeath(TypedDict):
    """The death of a worker that the job may be why of."""

    worker: str
    at: When
    found: str
    alone: bool


class JobTimings(TypedDict):
    """Where the time of the attempt that ended the job went."""

    queue_seconds: Seconds
    prefill_seconds: Seconds
    decode_seconds: Seconds
    tokens_per_second: Seconds | None


class JobWebhook(TypedDict):
    """How far it has come with telling the job's webhook of its end."""

    origin: Annotated[str, Field(description="Scheme, host and port; the rest of the address may be a secret.")]
    status: Literal["pending", "delivered", "failed"]
    attempts: Annotated[Count, Field(description="Those that are over.")]
    next_at: When | None
    last_status: Annotated[int | None, Field(description="Of the last attempt's answer.")]
    last_error: Annotated[str | None, Field(description="Why the last attempt had none.")]


class JobUrls(TypedDict):
    """Where to go on."""

    self: str
    events: str
    cancel: str


class Job(TypedDict):
    """One request to one model, from its acceptance until a day after its end."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    object: Literal["job"]
    model: str
    operation: Operation
    status: JobStatus
    priority: Priority
    created_at: When
    started_at: When | None
    finished_at: When | None
    queue_position: Annotated[int, Field(ge=1)] | None
    eta_seconds: Annotated[Seconds | None, Field(description="A guess, not a promise.")]
    attempt: Annotated[Count, Field(description="How often a worker has begun it.")]
    result: Annotated[
        ChatCompletion | Completion | ResponseObject | EmbeddingList | TokenList | TokensText | RenderedPrompt | None,
        Field(description="What the operation's own endpoint answers with; null unless it succeeded."),
    ]
    error: Error | None
    deaths: Annotated[list[JobDeath], Field(max_length=10)]
    usage: Usage | None
    timings: JobTimings | None
    metadata: dict[str, str]
    webhook: JobWebhook | None
    urls: JobUrls


class JobList(TypedDict):
    """A page of jobs, newest first."""

    object: Literal["list"]
    data: list[Job]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedJobs(TypedDict):
    """Jobs that are gone."""

    object: Literal["list.deleted"]
    deleted: Annotated[Count, Field(description="How many of them there were.")]


class StatusEvent(TypedDict):
    """A job was queued, or a worker began it."""

    status: Literal["queued", "running"]


class TokenEvent(TypedDict):
    """More text of a choice."""

    index: Count
    text: str


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


OpenAPIDocument = dict[str, Any]
