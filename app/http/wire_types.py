"""Fields that many answers have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
When = Annotated[int, Field(ge=0, description="Seconds since the epoch, by the clock of Redis.")]
