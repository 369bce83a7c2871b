"""What ``/v1/streams/lookup`` answers with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count

Seconds = Annotated[int, Field(ge=0, description="Seconds since 1970; 0 is not yet.")]


class FoundStream(TypedDict):
    """A conversation's stream."""

    conversation_id: str
    is_done: bool
    total_bytes: Count
    started_at: Seconds
    completed_at: Seconds
