"""The body of a completion."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.schemas.sampling import SamplingBody

OPENAI_DEFAULT_MAX_TOKENS = 16
"""What OpenAI's completions endpoint generates when ``max_tokens`` is left out."""


class CompletionBody(SamplingBody):
    """``POST /v1/completions``, and ``POST /jobs`` with a ``prompt``."""

    prompt: str = Field(min_length=1)
    logprobs: int | None = Field(None, ge=0, le=20)

    def limit(self) -> tuple[str, int | None]:
        return "max_tokens", self.max_tokens or OPENAI_DEFAULT_MAX_TOKENS

    def num_logprobs(self) -> int | None:
        return self.logprobs

    def payload(self) -> dict[str, Any]:
        """What of the body goes to the worker, beside the sampling."""
        return {"prompt": self.prompt}
