"""Parameters, headers and errors that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.openapi.describe import Header, Parameter
from tasks import errors

REQUEST_ID = r"^[A-Za-z0-9._:/+=-]{1,128}$"
CURSOR = r"^([0-9]{1,15}-[0-9]{1,15})?$"
_ID: Mapping[str, Any] = {"type": "string", "minLength": 1}

PATH = {
    "job_id": Parameter(name="job_id", where="path", meaning="The job's `id`.", schema=_ID),
    "response_id": Parameter(name="response_id", where="path", meaning="The response's `id`.", schema=_ID),
    "file_id": Parameter(name="file_id", where="path", meaning="The file's `id`.", schema=_ID),
    "batch_id": Parameter(name="batch_id", where="path", meaning="The batch's `id`.", schema=_ID),
    "message_batch_id": Parameter(name="message_batch_id", where="path", meaning="The batch's `id`.", schema=_ID),
    "model": Parameter(name="model", where="path", meaning="The model's name.", schema=_ID, example="demo"),
    "name": Parameter(name="name", where="path", meaning="The model's name.", schema=_ID, example="demo"),
}
"""What stands in a path, by its name in the route."""

X_REQUEST_ID = Parameter(
    name="X-Request-Id",
    where="header",
    meaning="An id for the logs, the job and the response. An id with other characters is replaced.",
    schema={"type": "string"},
    example="docs-1",
)
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    meaning="A second request with the same key, path and body gets the first request's job.",
    schema={"type": "string", "maxLength": 255},
)
PREFER = Parameter(
    name="Prefer",
    where="header",
    meaning="`wait=N` delays the response until the job has ended, N seconds at most. Other preferences are ignored.",
    schema={"type": "string"},
    example="wait=10",
)
CACHE_CONTROL = Parameter(
    name="Cache-Control",
    where="header",
    meaning="Of a model that keeps answers: `no-cache` asks for a new one, and `no-store` for one that is not kept.",
    schema={"type": "string"},
    example="no-cache",
)
X_ON_DISCONNECT = Parameter(
    name="X-On-Disconnect",
    where="header",
    meaning="Whether the job is cancelled or continues when its client disconnects. `cancel` if left out.",
    schema={"type": "string", "enum": ["cancel", "continue"]},
    example="continue",
)
X_PRIORITY = Parameter(
    name="X-Priority",
    where="header",
    meaning="The priority, if the body has none: `high`, `normal` or `low`, or vLLM's number.",
    schema={"type": "string", "pattern": "^(high|normal|low|-?[0-9]{1,9})$"},
    example="high",
)
X_TIMEOUT = Parameter(
    name="X-Timeout",
    where="header",
    meaning="Seconds until the job expires, if the body has no `timeout`.",
    schema={"type": "number", "exclusiveMinimum": 0, "maximum": 604_800},
    example=600,
)
URGENCY = (X_PRIORITY, X_TIMEOUT)
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    where="header",
    meaning="The `id` of the last event that you saw: the stream continues after it. Empty means the beginning.",
    schema={"type": "string", "pattern": CURSOR},
    example="0-0",
)
AFTER_EVENT = Parameter(
    name="after",
    where="query",
    meaning="The same as `Last-Event-ID`, which overrides it.",
    schema={"type": "string", "pattern": CURSOR},
    example="0-0",
)
WAIT = Parameter(
    name="wait",
    where="query",
    meaning="Seconds to wait for the job's end, `CARAVAN_MAX_WAIT_SECONDS` at most.",
    schema={"type": "number", "minimum": 0},
    example=0,
)


def limit(default: int, most: int) -> Parameter:
    """How many there are on a page."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name="limit", where="query", meaning="Most objects in a page.", schema=schema, example=default)


AFTER_ID = Parameter(
    name="after", where="query", meaning="The `last_id` of the previous page.", schema={"type": "string"}
)
ORDER = Parameter(
    name="order",
    where="query",
    meaning="The order: `desc` is newest first.",
    schema={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
    example="desc",
)

ANSWER_REQUEST_ID = Header(
    name="X-Request-Id", meaning="The request's id.", schema={"type": "string", "pattern": REQUEST_ID}
)
RETRY_AFTER = Header(name="Retry-After", meaning="Seconds.", schema={"type": "integer", "minimum": 1})
WWW_AUTHENTICATE = Header(name="WWW-Authenticate", meaning="How to send a key.", schema={"type": "string"})
_FIGURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": ("The key's limit a minute", {"type": "integer", "minimum": 1}),
    "remaining": ("The rest of the limit", {"type": "integer", "minimum": 0}),
    "reset": ("Time until the whole limit is free again, as `17ms`, `1s` or `1m30s`", {"type": "string"}),
}
RATE_LIMITS = tuple(
    Header(name=f"x-ratelimit-{figure}-{kind}", meaning=f"{meaning}, in {kind}.", schema=schema, always=False)
    for kind in ("requests", "tokens")
    for figure, (meaning, schema) in _FIGURES.items()
)
"""Of a call that a key's limits count, for each limit that the key has."""
SHOULD_RETRY = Header(
    name="X-Should-Retry",
    meaning="`false`, which OpenAI's clients obey: the same request would fail again.",
    schema={"type": "string", "const": "false"},
)
_JOB_ID = {"type": "string", "format": "uuid"}
X_JOB_ID = Header(name="X-Job-Id", meaning="The id of the request's job, under `/jobs`.", schema=_JOB_ID)
X_JOB_ID_OF_ERROR = Header(
    name="X-Job-Id", meaning="The id of the failed job, if there is one.", schema=_JOB_ID, always=False
)
X_UNUSED_PARAMETERS = Header(
    name="X-Unused-Parameters",
    meaning="The request's fields of which nothing comes, by name.",
    schema={"type": "string"},
    always=False,
)
LOCATION = Header(
    name="Location", meaning="The job's address.", schema={"type": "string", "pattern": "^/jobs/[0-9a-f-]{36}$"}
)

MORE_CODES: Mapping[type[errors.CaravanError], tuple[str, ...]] = {
    errors.InvalidRequest: ("unknown_parameter", "invalid_json", "invalid_body"),
    errors.ForeignSite: ("foreign_host",),
    errors.JobConflict: ("job_not_failed", "job_not_queued", "job_cancelled", "idempotency_key_reused"),
    errors.ModelUnavailable: ("queue_draining",),
    errors.BatchConflict: ("batch_not_failed", "batch_files_gone"),
    errors.EngineFailure: ("internal_error", "unknown_error"),
}
"""Codes that errors are raised with beside that of their class."""

SUBMIT_ERRORS = (
    errors.InvalidRequest,
    errors.ModelNotFound,
    errors.JobConflict,
    errors.RequestTooLarge,
    errors.QueueFull,
    errors.RateLimited,
    errors.ModelUnavailable,
    errors.BrokerUnavailable,
)
RUN_ERRORS = (
    *SUBMIT_ERRORS,
    errors.ChatTemplateMissing,
    errors.ContextLengthExceeded,
    errors.EngineFailure,
    errors.WorkerDied,
    errors.ModelChanged,
    errors.AdapterMissing,
    errors.ModelMissing,
    errors.JobTimeout,
)
"""Of a call that waits for the end of its job."""
JOB_ERRORS = (errors.JobNotFound, errors.BrokerUnavailable)
"""Of a call that is about one job."""
