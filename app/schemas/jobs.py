"""The body of ``POST /jobs``: an OpenAI body, and how the job is to be treated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.chat import ChatBody
from app.schemas.completions import CompletionBody
from tasks.jobs import MAX_ATTEMPTS

MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class Envelope(BaseModel):
    """How a job is to be treated.

    ``timeout`` is in seconds from acceptance, time in the queue included. ``max_attempts`` is how often it may fail by
    a fault of the server's before it has failed.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    priority: Literal["high", "normal", "low"] = "normal"
    timeout: float | None = Field(None, gt=0, le=7 * 86_400)
    max_attempts: int = Field(MAX_ATTEMPTS, ge=1, le=10)
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] = Field(default_factory=dict)


class ChatJobBody(ChatBody, Envelope):
    """A chat as a job."""


class CompletionJobBody(CompletionBody, Envelope):
    """A completion as a job. Unlike OpenAI's endpoint it generates to the end unless ``max_tokens`` is given."""

    def limit(self) -> tuple[str, int | None]:
        return "max_tokens", self.max_tokens
