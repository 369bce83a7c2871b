"""Ollama's ``options``: sampling, and how a model is loaded, which is not a client's to say here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.bodies.part import Part
from app.bodies.sampling import MOST_TOKENS, RANDOM_SEED, StopStrings
from app.bodies.unused import UNUSED, Unused
from tasks.records.sampling import MAX_SEED
from tasks.records.sampling_ranges import MOST_LOOKED_BACK, MaybeTopK, RepeatPenalty

Number = Annotated[float | None, UNUSED]
Integer = Annotated[int | None, UNUSED]
Flag = Annotated[bool | None, UNUSED]
_APART = {"num_predict", "seed"}


class Options(Part):
    """The options of all releases. Of those below the blank line nothing comes: a worker loads a model its own way."""

    num_predict: int | None = Field(None, ge=-2, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    top_k: MaybeTopK = None
    top_p: float | None = Field(None, gt=0, le=1)
    min_p: float | None = Field(None, ge=0, le=1)
    typical_p: float | None = Field(None, gt=0, le=1)
    repeat_penalty: RepeatPenalty = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repeat_last_n: int | None = Field(None, ge=-1, le=MOST_LOOKED_BACK)
    seed: int | None = Field(None, ge=-(2**63), le=MAX_SEED)
    stop: StopStrings = None

    num_ctx: Integer = None
    num_keep: Integer = None
    num_batch: Integer = None
    num_gpu: Integer = None
    num_gqa: Integer = None
    num_thread: Integer = None
    main_gpu: Integer = None
    draft_num_predict: Integer = None
    numa: Flag = None
    low_vram: Flag = None
    f16_kv: Flag = None
    logits_all: Flag = None
    vocab_only: Flag = None
    use_mmap: Flag = None
    use_mlock: Flag = None
    embedding_only: Flag = None
    penalize_newline: Flag = None
    rope_frequency_base: Number = None
    rope_frequency_scale: Number = None
    tfs_z: Annotated[float | None, Unused(done=1)] = None
    mirostat: Annotated[int | None, Unused(done=0)] = None
    mirostat_tau: Number = None
    mirostat_eta: Number = None

    def sampling(self) -> dict[str, Any]:
        """The same as the fields of `app.bodies.sampling.SamplingBody`. No limit is left out, as Ollama's 0, -1, -2."""
        unused = {name for name, field in type(self).model_fields.items() if Unused in map(type, field.metadata)}
        made = self.model_dump(exclude=unused | _APART, exclude_none=True)
        if self.num_predict is not None and self.num_predict > 0:
            made["max_tokens"] = self.num_predict
        if self.seed is not None:
            made["seed"] = max(self.seed, RANDOM_SEED)
        return made
