"""What the client raises: the server's errors, rebuilt by their codes, and four that only a client knows.

CaravanError                    the server's: QueueFull, JobNotFound, InvalidRequest ...
  Unavailable
    ServerAway                  nothing answers at the address, or what does is not Caravan
  JobNotSuccessful              the job ended, and has no result
    JobCancelled
  AnswerInvalid                 the answer is not what `response_model` wants
"""

from __future__ import annotations

import json
from typing import Any

from caravan_client.proxies import Proxy, through
from caravan_client.server_errors import *  # noqa: F403 - they are the client's as well
from caravan_client.server_errors import (
    AuthenticationFailed,
    BodyTooSlow,
    CaravanError,
    EngineFailure,
    InsufficientScope,
    InvalidRequest,
    JobConflict,
    JobTimeout,
    NotFound,
    Overloaded,
    RequestTooLarge,
    StorageLimited,
    Unavailable,
    UpstreamError,
    from_wire,
)

HTTP_AWAY = frozenset({502, 503, 504})
"""What a proxy answers while the server behind it is away."""


_KINDS: dict[int, type[CaravanError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    403: InsufficientScope,
    404: NotFound,
    408: BodyTooSlow,
    409: JobConflict,
    413: RequestTooLarge,
    429: Overloaded,
    500: EngineFailure,
    503: Unavailable,
    504: JobTimeout,
}


class ServerAway(Unavailable):
    """Raised when nothing answers at the address."""

    code = "server_away"


class JobNotSuccessful(CaravanError):
    """Raised when a job ended without a result, and without an error that says more."""

    http_status = 409
    type = "conflict_error"
    code = "job_not_successful"


class JobCancelled(JobNotSuccessful):
    """Raised when the job whose result is asked for was cancelled."""

    code = "job_cancelled"


class AnswerInvalid(CaravanError):
    """Raised when an answer was cut before its end, or does not fit the model that it is to be read with."""

    code = "answer_invalid"


def passes(error: CaravanError) -> bool:
    """Whether the same call may well be answered soon. Files are not sent twice where their owner may store no more."""
    return isinstance(error, Overloaded | Unavailable) and not isinstance(error, StorageLimited)


def from_response(status: int, retry_after: str | None, body: bytes, proxy: Proxy | None = None) -> CaravanError:
    """The error that a response tells of."""
    try:
        wire: dict[str, Any] = json.loads(body)["error"]
        error = from_wire(wire)
        if isinstance(error, UpstreamError):  # a code of its own: the status says of what kind it is
            error = _KINDS.get(status, UpstreamError)(error.message, param=error.param, code=error.code)
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = ServerAway if status in HTTP_AWAY else CaravanError
        error = kind(f"The server answered {status}{through(proxy)}, and its response is not one of Caravan's.")
    if retry_after and retry_after.isdigit():
        error.retry_after_seconds = int(retry_after)
    return error
