"""Fields that many answers have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic takes the standard library's from Python 3.12 on

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
When = Annotated[int, Field(ge=0, description="Seconds since the epoch, by the clock of Redis.")]


class Page(TypedDict):
    """What each page of a list has beside its ``data``."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    has_more: bool


def whole(seconds: float | None) -> int | None:
    """A time as answers tell it, which is to the second."""
    return None if seconds is None else int(seconds)
