"""What the calls about a session answer with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count
from tasks.records.api_key import Scope


class SessionOf(TypedDict):
    """Who calls, by a key or by a session."""

    object: Literal["session"]
    keys: Annotated[bool, Field(description="Whether calls need a key. If not, all callers are one owner.")]
    owner: str
    key: Annotated[str | None, Field(description="The key's name; null while keys are off.")]
    scopes: list[Scope]


class OpenedSession(SessionOf):
    """A session that was opened. Its token is in the cookie alone."""

    expires_in: Annotated[Count, Field(description="Seconds.")]


class ClosedSession(TypedDict):
    """The session has ended, if there was one."""

    object: Literal["session"]
    deleted: Literal[True]
