"""Parameters, headers and errors that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.openapi.describe import Header, Parameter
from tasks.errors import (
    BatchConflict,
    BrokerUnavailable,
    CaravanError,
    ContextLengthExceeded,
    EngineFailure,
    InvalidRequest,
    JobConflict,
    JobNotFound,
    ModelChanged,
    ModelNotFound,
    ModelUnavailable,
    QueueFull,
    RateLimited,
    RequestTooLarge,
    WorkerDied,
)

REQUEST_ID = r"^[A-Za-z0-9._:/+=-]{1,128}$"
CURSOR = r"^([0-9]{1,15}-[0-9]{1,15})?$"
_ID: Mapping[str, Any] = {"type": "string", "minLength": 1}

PATH = {
    "job_id": Parameter(name="job_id", where="path", meaning="The job's `id`.", schema=_ID),
    "response_id": Parameter(name="response_id", where="path", meaning="The response's `id`.", schema=_ID),
    "file_id": Parameter(name="file_id", where="path", meaning="The file's `id`.", schema=_ID),
    "batch_id": Parameter(name="batch_id", where="path", meaning="The batch's `id`.", schema=_ID),
    "model": Parameter(name="model", where="path", meaning="The model's name.", schema=_ID, example="demo"),
    "name": Parameter(name="name", where="path", meaning="The model's name.", schema=_ID, example="demo"),
}
"""What stands in a path, by its name in the route."""

X_REQUEST_ID = Parameter(
    name="X-Request-Id",
    where="header",
    meaning="Stands in the logs, in the job and in the answer. One of other characters is replaced by a new one.",
    schema={"type": "string"},
    example="docs-1",
)
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    meaning="A second request with the same key, path and body is answered with the first one's job.",
    schema={"type": "string", "maxLength": 255},
)
PREFER = Parameter(
    name="Prefer",
    where="header",
    meaning="`wait=N` holds the answer back until the job has ended, N seconds at most. Others are passed over.",
    schema={"type": "string"},
    example="wait=10",
)
X_ON_DISCONNECT = Parameter(
    name="X-On-Disconnect",
    where="header",
    meaning="What becomes of the job when its client goes away before its end. `cancel` if left out.",
    schema={"type": "string", "enum": ["cancel", "continue"]},
    example="continue",
)
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    where="header",
    meaning="The `id` of the last event that was seen: the stream goes on after it. Empty is its beginning.",
    schema={"type": "string", "pattern": CURSOR},
    example="0-0",
)
AFTER_EVENT = Parameter(
    name="after",
    where="query",
    meaning="The same as `Last-Event-ID`, which comes before it.",
    schema={"type": "string", "pattern": CURSOR},
    example="0-0",
)
WAIT = Parameter(
    name="wait",
    where="query",
    meaning="Seconds that the answer is held back until the job has ended, `CARAVAN_MAX_WAIT_SECONDS` at most.",
    schema={"type": "number", "minimum": 0},
    example=0,
)


def limit(default: int, most: int) -> Parameter:
    """How many there are on a page."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name="limit", where="query", meaning="How many at most.", schema=schema, example=default)


ANSWER_REQUEST_ID = Header(
    name="X-Request-Id", meaning="The request's id.", schema={"type": "string", "pattern": REQUEST_ID}
)
RETRY_AFTER = Header(name="Retry-After", meaning="Seconds.", schema={"type": "integer", "minimum": 1})
WWW_AUTHENTICATE = Header(name="WWW-Authenticate", meaning="How to send a key.", schema={"type": "string"})
_FIGURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": ("The key's limit a minute", {"type": "integer", "minimum": 1}),
    "remaining": ("What is left of it", {"type": "integer", "minimum": 0}),
    "reset": ("When all of it is there again, as `17ms`, `1s` or `1m30s`", {"type": "string"}),
}
RATE_LIMITS = tuple(
    Header(name=f"x-ratelimit-{figure}-{kind}", meaning=f"{meaning}, in {kind}.", schema=schema, always=False)
    for kind in ("requests", "tokens")
    for figure, (meaning, schema) in _FIGURES.items()
)
"""Of a call that a key's limits count, for each limit that the key has."""
SHOULD_RETRY = Header(
    name="X-Should-Retry",
    meaning="What OpenAI's clients go by: the same request again would end as this one did.",
    schema={"type": "string", "const": "false"},
)
_JOB_ID = {"type": "string", "format": "uuid"}
X_JOB_ID = Header(name="X-Job-Id", meaning="The job behind the answer, under `/jobs`.", schema=_JOB_ID)
X_JOB_ID_OF_ERROR = Header(
    name="X-Job-Id", meaning="The job that failed, if there was one.", schema=_JOB_ID, always=False
)
LOCATION = Header(
    name="Location", meaning="The job's address.", schema={"type": "string", "pattern": "^/jobs/[0-9a-f-]{36}$"}
)

MORE_CODES: Mapping[type[CaravanError], tuple[str, ...]] = {
    InvalidRequest: ("unknown_parameter", "invalid_json", "invalid_body"),
    JobConflict: ("job_not_failed", "job_not_queued", "job_cancelled", "idempotency_key_reused"),
    ModelUnavailable: ("queue_draining",),
    BatchConflict: ("batch_not_failed", "batch_files_gone"),
    EngineFailure: ("internal_error", "unknown_error"),
}
"""Codes that errors are raised with beside that of their class."""

SUBMIT_ERRORS = (
    InvalidRequest,
    ModelNotFound,
    JobConflict,
    RequestTooLarge,
    QueueFull,
    RateLimited,
    ModelUnavailable,
    BrokerUnavailable,
)
RUN_ERRORS = (*SUBMIT_ERRORS, ContextLengthExceeded, EngineFailure, WorkerDied, ModelChanged)
"""Of a call that waits for the end of its job."""
JOB_ERRORS = (JobNotFound, BrokerUnavailable)
"""Of a call that is about one job."""
