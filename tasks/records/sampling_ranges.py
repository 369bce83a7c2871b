"""What the numbers of sampling may be: in a request, and in models.yaml, which says them for requests that do not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tasks.records.sampling import MAX_SEED

MOST_LOOKED_BACK = 1 << 20


def _all_tokens(value: Any) -> Any:
    """vLLM says -1 where llama.cpp says 0."""
    return 0 if value == -1 and not isinstance(value, bool) else value


TopK = Annotated[int, Field(ge=0, le=1_000_000)]
MaybeTopK = Annotated[TopK | None, BeforeValidator(_all_tokens, json_schema_input_type=TopK | Literal[-1] | None)]
RepeatPenalty = Annotated[float | None, Field(ge=0.01, le=10)]


class SamplingRanges(BaseModel):
    """The numbers that go to `tasks.records.sampling.SamplingParams` as they are."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_k: MaybeTopK = None
    top_p: float | None = Field(None, gt=0, le=1)
    min_p: float | None = Field(None, ge=0, le=1)
    typical_p: float | None = Field(None, gt=0, le=1)
    repeat_penalty: RepeatPenalty = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repeat_last_n: int | None = Field(None, ge=-1, le=MOST_LOOKED_BACK)
    dry_multiplier: float | None = Field(None, ge=0, le=100)
    dry_base: float | None = Field(None, ge=1, le=10)
    dry_allowed_length: int | None = Field(None, ge=1, le=1000)
    dry_penalty_last_n: int | None = Field(None, ge=-1, le=MOST_LOOKED_BACK)
    top_n_sigma: float | None = Field(None, ge=-1, le=100)
    xtc_probability: float | None = Field(None, ge=0, le=1)
    xtc_threshold: float | None = Field(None, ge=0, le=1)
    dynatemp_range: float | None = Field(None, ge=0, le=2)
    dynatemp_exponent: float | None = Field(None, gt=0, le=10)


class SamplingDefaults(SamplingRanges):
    """What a model of the catalogue is sampled with where a request says nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_tokens: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)

    def given(self) -> dict[str, Any]:
        """Those that are said, without the limit and the seed."""
        return self.model_dump(exclude={"max_tokens", "seed"}, exclude_none=True)
