"""The body of a completion."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from app.bodies.sampling import MOST_CHOICES, MaxTokensOrNone, SamplingBody
from app.bodies.texts_or_tokens import Given, inputs
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

OPENAI_DEFAULT_MAX_TOKENS = 16
"""What OpenAI's completions endpoint generates when ``max_tokens`` is left out."""


class CompletionBody(SamplingBody):
    """``POST /v1/completions``, and ``POST /jobs`` with a ``prompt``."""

    operation: ClassVar[Operation] = Operation.COMPLETION
    default_limit: ClassVar[int | None] = OPENAI_DEFAULT_MAX_TOKENS

    prompt: Annotated[list[Given], *inputs(MOST_CHOICES)]
    max_tokens: MaxTokensOrNone = None
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool | None = None
    best_of: Literal[1] | None = None

    def num_logprobs(self) -> int | None:
        return self.logprobs

    def num_sequences(self) -> int:
        return len(self.prompt) * (self.n or 1)

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        if self.num_sequences() > MOST_CHOICES:
            raise InvalidRequest(f"Prompts times n exceed {MOST_CHOICES}. Send several requests.", param="n")
        sampling = replace(self.sampling(entry), prompt_logprobs=bool(self.echo) and self.logprobs is not None)
        request: dict[str, Any] = {"prompt": self.prompt, "sampling": sampling.encode()}
        if self.verbose:
            request["tells_prompt"] = True
        return {**request, "echo": True} if self.echo else request
