"""A job, and what the calls about jobs answer with."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.openai.result import Result
from app.http.paging import PageSize
from app.http.wire_types import Count, Page, Seconds, When
from tasks.error_wire import Error
from tasks.records.job import JobStatus, Operation, Priority
from tasks.records.wire import JobUrls, Usage

PAGE = PageSize(20, 100)


class JobDeath(TypedDict):
    """The death of a worker that the job may have caused."""

    worker: str
    at: When
    found: str
    alone: bool
    """Whether the worker decoded the job in a trial, with nothing beside it on purpose."""


class JobTimings(TypedDict):
    """Seconds of the last attempt, by phase."""

    queue_seconds: Seconds
    prefill_seconds: Seconds
    decode_seconds: Seconds
    tokens_per_second: Seconds | None


class JobWebhook(TypedDict):
    """The delivery of the job's webhook."""

    origin: Annotated[str, Field(description="Scheme, host and port; the rest of the address may be a secret.")]
    status: Literal["pending", "delivered", "failed"]
    attempts: Annotated[Count, Field(description="The number of finished attempts.")]
    next_at: When | None
    last_status: Annotated[int | None, Field(description="The status of the last response.")]
    last_error: Annotated[str | None, Field(description="Why the last attempt got no response.")]


class WaitsFor(TypedDict):
    """What has to change before a queued job can begin."""

    reason: Literal["turn", "queue_paused", "no_worker", "model_loading", "model_failed", "model_missing"]
    message: str


class Job(TypedDict):
    """One request to one model, from its acceptance until a day after its end."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    object: Literal["job"]
    model: str
    operation: Operation
    owner: Annotated[str, Field(description="Of the key that it was submitted with; `local` while keys are off.")]
    status: JobStatus
    priority: Priority
    created_at: When
    started_at: When | None
    finished_at: When | None
    first_token_at: Annotated[float | None, Field(description="When its first token was there; with fractions.")]
    queue_position: Annotated[int, Field(ge=1)] | None
    eta_seconds: Annotated[Seconds | None, Field(description="An estimate.")]
    waits_for: Annotated[WaitsFor | None, Field(description="Shown of a queued job by `GET /jobs/<id>`.")]
    attempt: Annotated[Count, Field(description="How often a worker has begun the job.")]
    result: Annotated[
        Result | None, Field(description="The response of the operation's own endpoint; null unless the job succeeded.")
    ]
    error: Error | None
    deaths: Annotated[list[JobDeath], Field(max_length=10)]
    usage: Usage | None
    timings: JobTimings | None
    metadata: dict[str, str]
    adapters: NotRequired[Annotated[list[JobAdapter], Field(description="If it asked for any.")]]
    webhook: JobWebhook | None
    urls: JobUrls


class JobAdapter(TypedDict):
    """An adapter with which a job's text is computed."""

    name: str
    scale: float


class JobList(Page):
    """A page of jobs, newest first."""

    data: list[Job]


class Verdict(TypedDict):
    """What became of a job of a list."""

    id: Annotated[str | None, Field(description="The job's id; null if it was not accepted.")]
    status_code: Annotated[int, Field(description="The status that the job would have been answered with by itself.")]
    error: Error | None


class Verdicts(TypedDict):
    """What became of the jobs of a list, in its order."""

    object: Literal["list"]
    data: list[Verdict]


class EndedJobs(TypedDict):
    """The jobs that have ended, of those that were asked about."""

    object: Literal["list"]
    data: list[Job]
    missing: Annotated[list[str], Field(description="The ids of which there is no job, or no more.")]


class DeletedJobs(TypedDict):
    """Deleted jobs."""

    object: Literal["list.deleted"]
    deleted: Annotated[Count, Field(description="The number of these jobs that existed.")]


class StatusEvent(TypedDict):
    """A job was queued, or a worker began it."""

    status: Literal["queued", "running"]
    at: Annotated[float, Field(description="Unix time.")]
    worker: Annotated[str | None, Field(description="The worker that has begun it; null while it is queued.")]
    reason: Annotated[
        str | None,
        Field(
            description="Why it waits again: `drained`, `outranked`, `crashed`, `killed`, `lease_expired` and `failed`."
        ),
    ]


class JobRequest(TypedDict):
    """What a job asks for."""

    id: str
    object: Literal["job.request"]
    model: str
    operation: Operation
    owner: str
    timeout: Annotated[Seconds | None, Field(description="From its acceptance on.")]
    max_attempts: Count
    request: Annotated[
        dict[str, Any], Field(description="The validated body: the messages, the prompt or the input, and `sampling`.")
    ]


class TokenEvent(TypedDict):
    """More text of a choice."""

    index: Count
    text: str
