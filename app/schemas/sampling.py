"""The fields that chat and completion share."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.sampling import MAX_SEED, SamplingParams

MOST_TOKENS = 2**31 - 1
RANDOM_SEED = -1
"""llama.cpp's way to ask for a new seed."""

PASSED_ON = {
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "ignore_eos",
    "n",
}
"""Fields that mean in `SamplingParams` what they mean here."""


def _as_list(value: Any) -> Any:
    """One stop string may stand alone. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list | None):
        raise PydanticCustomError("stop_type", "Input should be a string or a list of strings")
    return [value] if isinstance(value, str) else value


StopString = Annotated[str, Field(min_length=1, max_length=256)]
StopStrings = Annotated[list[StopString] | None, Field(max_length=16), BeforeValidator(_as_list)]


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


class SamplingBody(BaseModel):
    """Sampling as a client asks for it. Unknown fields are refused, so that none is ignored in silence."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    model: str = Field(min_length=1, max_length=64)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    top_k: int | None = Field(None, ge=0, le=1_000_000)
    top_p: float | None = Field(None, gt=0, le=1)
    min_p: float | None = Field(None, ge=0, le=1)
    typical_p: float | None = Field(None, gt=0, le=1)
    repeat_penalty: float | None = Field(None, gt=0, le=10)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = Field(None, ge=RANDOM_SEED, le=MAX_SEED)
    stop: StopStrings = None
    ignore_eos: bool | None = None
    n: int | None = Field(None, ge=1, le=128)
    user: str | None = Field(None, max_length=512)
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def limit(self) -> tuple[str, int | None]:
        """The field that limits the answer, and its value."""
        return "max_tokens", self.max_tokens

    def sampling(self, entry: ModelEntry) -> SamplingParams:
        """The parameters for a model; raises InvalidRequest when more tokens are asked for than it can hold."""
        field, max_tokens = self.limit()
        if max_tokens is not None and max_tokens > entry.context:
            raise InvalidRequest(f"{field} is {max_tokens}, but the model holds {entry.context} tokens.", param=field)
        given = self.model_dump(include=PASSED_ON, exclude_none=True)
        seed = secrets.randbelow(MAX_SEED) if self.seed in (None, RANDOM_SEED) else self.seed
        return SamplingParams(max_tokens=max_tokens, seed=seed or 0, stop=tuple(self.stop or ()), **given)
