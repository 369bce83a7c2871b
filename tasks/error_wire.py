"""The form of an error in JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

ErrorType = Literal[
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


class Error(TypedDict):
    """A failure. Programs use `code`; `message` is for people."""

    message: str
    type: ErrorType
    param: Annotated[str | None, Field(description="The name of the invalid field.")]
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]


class ErrorAnswer(TypedDict):
    """The form of every failure."""

    error: Error
