"""llama-server's parameters that its clients send to every call that generates.

Those of which nothing comes here ask for how an answer is computed, not for what it says.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.bodies.adapter import MOST_TOGETHER, NumberedAdapter
from app.bodies.part import Part
from app.bodies.unused import UNUSED, Unused

Number = Annotated[float | None, UNUSED]
Integer = Annotated[int | None, UNUSED]


class LlamaParameters(Part):
    """What llama-server knows beside the parameters of sampling.

    ``verbose`` has the answer tell the prompt and its settings. ``return_progress`` has a stream tell how far the
    prompt has been read, and ``timings_per_token`` has each of its pieces tell the times so far.
    """

    verbose: bool = False
    return_progress: bool = False
    timings_per_token: bool = False
    cache_prompt: Annotated[bool | None, Unused(done=True)] = None
    id_slot: Annotated[int | None, Unused(done=-1)] = None
    n_keep: Integer = None
    n_discard: Integer = None
    n_indent: Annotated[int | None, Unused(done=0)] = None
    n_cache_reuse: Integer = None
    t_max_prompt_ms: Number = None
    t_max_predict_ms: Annotated[float | None, Unused(done=-1)] = None
    min_keep: Annotated[int | None, Unused(done=0)] = None
    mirostat: Literal[0] | None = None
    mirostat_tau: Number = None
    mirostat_eta: Number = None
    adaptive_target: Annotated[float | None, Field(lt=0)] = None
    adaptive_decay: Number = None
    samplers: Annotated[str | list[str] | None, UNUSED] = None
    dry_sequence_breakers: Annotated[list[str] | None, UNUSED] = None
    backend_sampling: Annotated[bool | None, UNUSED] = None
    sse_ping_interval: Integer = None
    lora: Annotated[list[NumberedAdapter], Field(max_length=MOST_TOGETHER)] | None = None
    speculative_n_max: Integer = Field(None, alias="speculative.n_max")
    speculative_n_min: Integer = Field(None, alias="speculative.n_min")
    speculative_p_min: Number = Field(None, alias="speculative.p_min")
