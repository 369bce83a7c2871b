"""Errors that a server answers with, and a job may end with. Each knows its own wire form.

The server raises these very classes, and a client rebuilds them by their codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NotRequired, Self, TypedDict

from caravan_client.texts import bounded, shown

__all__ = [
    "AdapterMissing",
    "AuthenticationFailed",
    "BatchConflict",
    "BatchNotFound",
    "BodyTooSlow",
    "BrokerUnavailable",
    "CaravanError",
    "ChatTemplateMissing",
    "ContextLengthExceeded",
    "EngineFailure",
    "FileNotFound",
    "ForeignSite",
    "InsufficientScope",
    "InvalidRequest",
    "JobConflict",
    "JobNotFound",
    "JobTimeout",
    "ModelChanged",
    "ModelMissing",
    "ModelNotFound",
    "ModelUnavailable",
    "NotFound",
    "Overloaded",
    "QueueFull",
    "RateLimited",
    "RecordTooNew",
    "RequestTooLarge",
    "StorageLimited",
    "StorageUnavailable",
    "Unavailable",
    "UpstreamError",
    "WorkerDied",
    "from_wire",
]
"""What `caravan_client.errors` and `tasks.errors` give on."""

ErrorType = Literal[
    "invalid_request_error",
    "exceed_context_size_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "conflict_error",
    "rate_limit_error",
    "server_error",
    "unavailable_error",
    "timeout_error",
]


class WireError(TypedDict):
    """A failure in JSON. `tasks.error_wire.Error` is the same form with what the API's document says of it."""

    message: str
    type: ErrorType
    param: str | None
    code: str
    n_prompt_tokens: NotRequired[int]
    n_ctx: NotRequired[int]


class CaravanError(Exception):
    """Base of every error that a client may see.

    Args:
        message: one sentence that says what to mend. Where a client's text makes it long, it is cut.
        param: the field of the request that is at fault, if one is.
        retry_after_seconds: when to come again, for errors that pass by themselves.
    """

    http_status: ClassVar[int] = 500
    type: ClassVar[ErrorType] = "server_error"
    code: str = "engine_failure"
    default_retry_after_seconds: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(bounded(message))
        self.message, self.code = bounded(message), code or self.code
        self.param = None if param is None else shown(param)
        self.retry_after_seconds = retry_after_seconds or self.default_retry_after_seconds

    def to_wire(self) -> WireError:
        """The object that goes under ``error`` in a response."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    @classmethod
    def of_wire(cls, error: Mapping[str, Any]) -> Self:
        """The error that has this wire form."""
        return cls(str(error.get("message", "")), param=error.get("param"), code=error.get("code"))


class InvalidRequest(CaravanError):
    """Raised when a request is not valid; ``param`` names the field."""

    http_status = 400
    type: ClassVar[ErrorType] = "invalid_request_error"
    code = "invalid_value"


class ChatTemplateMissing(InvalidRequest):
    """Raised when messages come for a model whose file has no chat template."""

    code = "chat_template_missing"


class ContextLengthExceeded(InvalidRequest):
    """Raised when a prompt leaves no room in the model's context.

    ``n_prompt_tokens`` is how many tokens it has at least, ``n_ctx`` how many the context has, as llama-server tells
    them; 0 where an older server does not.
    """

    type = "exceed_context_size_error"
    code = "context_length_exceeded"
    n_prompt_tokens = n_ctx = 0

    def to_wire(self) -> WireError:
        wire = super().to_wire()
        return {**wire, "n_prompt_tokens": self.n_prompt_tokens, "n_ctx": self.n_ctx} if self.n_ctx else wire

    @classmethod
    def of_wire(cls, error: Mapping[str, Any]) -> Self:
        made = super().of_wire(error)
        tokens, context = error.get("n_prompt_tokens"), error.get("n_ctx")
        if isinstance(tokens, int) and isinstance(context, int):
            made.n_prompt_tokens, made.n_ctx = tokens, context
        return made


class AuthenticationFailed(CaravanError):
    """Raised when a request has no key, or its key is unknown, has expired or was revoked."""

    http_status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class InsufficientScope(CaravanError):
    """Raised when a key is valid, but does not have the scope of this call."""

    http_status = 403
    type = "permission_error"
    code = "insufficient_scope"


class ForeignSite(CaravanError):
    """Raised when a page of another site, or one by a name that is not this server's, sends a request."""

    http_status = 403
    type = "permission_error"
    code = "cross_site"


class NotFound(CaravanError):
    """Raised when a path or an object does not exist."""

    http_status = 404
    type = "not_found_error"
    code = "not_found"


class ModelNotFound(NotFound):
    """Raised when a model is not in the catalogue, or the key may not use it."""

    code = "model_not_found"


class JobNotFound(NotFound):
    """Raised when a job never existed, has expired, or belongs to another owner."""

    code = "job_not_found"


class FileNotFound(NotFound):
    """Raised when a file never existed, has expired, was deleted, or belongs to another owner."""

    code = "file_not_found"


class BatchNotFound(NotFound):
    """Raised when a batch never existed, has expired, or belongs to another owner."""

    code = "batch_not_found"


class BatchConflict(CaravanError):
    """Raised when a batch's state forbids the call."""

    http_status = 409
    type = "conflict_error"
    code = "batch_already_ended"


class JobConflict(CaravanError):
    """Raised when a job's state, or an idempotency key already used, forbids the call."""

    http_status = 409
    type = "conflict_error"
    code = "job_already_finished"


class BodyTooSlow(CaravanError):
    """Raised when a request's body comes so slowly that its client would hold a connection for ever."""

    http_status = 408
    type = "timeout_error"
    code = "request_timeout"


class RequestTooLarge(CaravanError):
    """Raised when a request's body is over ``CARAVAN_MAX_BODY_BYTES``, or a file over ``CARAVAN_MAX_FILE_BYTES``."""

    http_status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class Overloaded(CaravanError):
    """Raised when there is too much to do just now."""

    http_status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    default_retry_after_seconds = 5


class QueueFull(Overloaded):
    """Raised when a model has ``CARAVAN_MAX_QUEUE`` jobs that have not ended."""

    code = "queue_full"


class RateLimited(Overloaded):
    """Raised when a key's limits are used up."""


class StorageLimited(Overloaded):
    """Raised when an owner's files, or those of all owners, may have no more bytes."""

    code = "storage_limit_exceeded"
    default_retry_after_seconds = 60


class EngineFailure(CaravanError):
    """Raised when the engine could not finish a job; the cause is in the worker's log."""


class WorkerDied(EngineFailure):
    """Raised when too many workers died while they ran a job. The job is a dead letter."""

    code = "worker_died"


class ModelChanged(EngineFailure):
    """Raised when a model's file was replaced after a job's first tokens."""

    code = "model_changed"


class AdapterMissing(EngineFailure):
    """The error of a job whose adapter no worker of its model had for two minutes."""

    code = "adapter_missing"


class ModelMissing(EngineFailure):
    """The error of a job whose model was not in the catalogue for too long."""

    code = "model_missing"


class Unavailable(CaravanError):
    """Raised when a part that the request needs is away."""

    http_status = 503
    type = "unavailable_error"
    code = "broker_unavailable"
    default_retry_after_seconds = 2


class ModelUnavailable(Unavailable):
    """Raised when no worker can serve a model, or its queue is draining."""

    code = "model_failed"


class BrokerUnavailable(Unavailable):
    """Raised when Redis does not answer."""


class StorageUnavailable(Unavailable):
    """Raised when the disk of the files is full or fails, or there is no folder to write to."""

    code = "storage_unavailable"
    default_retry_after_seconds = 30


class RecordTooNew(Unavailable):
    """Raised when a newer version of Caravan, which is replacing this one, wrote the record."""

    code = "record_too_new"


class JobTimeout(CaravanError):
    """Raised when a job's ``timeout`` ran out before it ended."""

    http_status = 504
    type = "timeout_error"
    code = "deadline_exceeded"


class UpstreamError(CaravanError):
    """Raised when a job ended with an error whose code this version does not know; it keeps that code."""

    code = "unknown_error"


def _leaves(cls: type[CaravanError]) -> list[type[CaravanError]]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _leaves(sub))]


def from_wire(error: Mapping[str, Any]) -> CaravanError:
    """Rebuild the error that a worker wrote down, by its code."""
    by_code = {cls.code: cls for cls in _leaves(CaravanError)}  # a class comes after its base, and takes its code
    return by_code.get(str(error.get("code")), UpstreamError).of_wire(error)
