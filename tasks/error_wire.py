"""The form of an error in JSON."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from caravan_client.server_errors import ErrorType


class Error(TypedDict):
    """A failure. Programs use `code`; `message` is for people."""

    message: str
    type: ErrorType
    param: Annotated[str | None, Field(description="The name of the invalid field.")]
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]
    n_prompt_tokens: NotRequired[Annotated[int, Field(ge=0, description="Of a prompt that is too long, at least.")]]
    n_ctx: NotRequired[Annotated[int, Field(ge=1, description="Tokens that fit into the model's context.")]]


class ErrorAnswer(TypedDict):
    """The form of every failure."""

    error: Error
