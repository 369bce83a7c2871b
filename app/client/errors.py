"""What the client raises: the server's errors, rebuilt by their codes, and four that only a client knows.

CaravanError                    the tree of `tasks.errors`: QueueFull, JobNotFound, InvalidRequest ...
  Unavailable
    ServerAway                  nothing answers at the address, or what does is not Caravan
  JobNotSuccessful              the job ended, and has no result
    JobCancelled
  AnswerInvalid                 the answer is not what `response_model` wants
"""

from __future__ import annotations

import json
from typing import Any

from app.client.proxies import Proxy, through
from tasks import errors

HTTP_AWAY = frozenset({502, 503, 504})
"""What a proxy answers while the server behind it is away."""


_KINDS: dict[int, type[errors.CaravanError]] = {
    400: errors.InvalidRequest,
    401: errors.AuthenticationFailed,
    403: errors.InsufficientScope,
    404: errors.NotFound,
    408: errors.BodyTooSlow,
    409: errors.JobConflict,
    413: errors.RequestTooLarge,
    429: errors.Overloaded,
    500: errors.EngineFailure,
    503: errors.Unavailable,
    504: errors.JobTimeout,
}


class ServerAway(errors.Unavailable):
    """Raised when nothing answers at the address."""

    code = "server_away"


class JobNotSuccessful(errors.CaravanError):
    """Raised when a job ended without a result, and without an error that says more."""

    http_status = 409
    type = "conflict_error"
    code = "job_not_successful"


class JobCancelled(JobNotSuccessful):
    """Raised when the job whose result is asked for was cancelled."""

    code = "job_cancelled"


class AnswerInvalid(errors.CaravanError):
    """Raised when an answer was cut before its end, or does not fit the model that it is to be read with."""

    code = "answer_invalid"


def passes(error: errors.CaravanError) -> bool:
    """Whether the same call may well be answered soon. Files are not sent twice where their owner may store no more."""
    return isinstance(error, errors.Overloaded | errors.Unavailable) and not isinstance(error, errors.StorageLimited)


def from_response(status: int, retry_after: str | None, body: bytes, proxy: Proxy | None = None) -> errors.CaravanError:
    """The error that a response tells of."""
    try:
        wire: dict[str, Any] = json.loads(body)["error"]
        error = errors.from_wire(wire)
        if isinstance(error, errors.UpstreamError):  # a code of its own: the status says of what kind it is
            error = _KINDS.get(status, errors.UpstreamError)(error.message, param=error.param, code=error.code)
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = ServerAway if status in HTTP_AWAY else errors.CaravanError
        error = kind(f"The server answered {status}{through(proxy)}, and its response is not one of Caravan's.")
    if retry_after and retry_after.isdigit():
        error.retry_after_seconds = int(retry_after)
    return error
