"""How llama.cpp is told to run a model, beside its threads and its layers on GPUs."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import llama_cpp

_F32, _F16, _BF16 = llama_cpp.GGML_TYPE_F32, llama_cpp.GGML_TYPE_F16, 30
"""llama-cpp-python 0.3.36 has no name for BF16."""
CACHE_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "f32": _F32,
        "f16": _F16,
        "bf16": _BF16,
        "q8_0": llama_cpp.GGML_TYPE_Q8_0,
        "q5_1": llama_cpp.GGML_TYPE_Q5_1,
        "q5_0": llama_cpp.GGML_TYPE_Q5_0,
        "q4_1": llama_cpp.GGML_TYPE_Q4_1,
        "q4_0": llama_cpp.GGML_TYPE_Q4_0,
        "iq4_nl": llama_cpp.GGML_TYPE_IQ4_NL,
    }
)
_ATTENTION: Final[Mapping[str, int]] = MappingProxyType(
    {
        "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    }
)
_ROPE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "none": llama_cpp.LLAMA_ROPE_SCALING_TYPE_NONE,
        "linear": llama_cpp.LLAMA_ROPE_SCALING_TYPE_LINEAR,
        "yarn": llama_cpp.LLAMA_ROPE_SCALING_TYPE_YARN,
    }
)
_POOLING: Final[Mapping[str, int]] = MappingProxyType(
    {
        "none": llama_cpp.LLAMA_POOLING_TYPE_NONE,
        "mean": llama_cpp.LLAMA_POOLING_TYPE_MEAN,
        "cls": llama_cpp.LLAMA_POOLING_TYPE_CLS,
        "last": llama_cpp.LLAMA_POOLING_TYPE_LAST,
    }
)
_REFUSED: Final = re.compile(r"llama_init_from_model: (?:failed to initialize the context: )?(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an entry of the catalogue may say; the fields are its keys. None is llama.cpp's default, or ours."""

    threads_batch: int | None = None
    """Threads that compute prompts; as many as all else has if None."""
    main_gpu: int | None = None
    tensor_split: Sequence[float] = ()
    flash_attention: Literal["on", "off", "auto"] | None = None
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    mmap: bool | None = None
    mlock: bool = False
    batch_tokens: int | None = None
    """Rows of a step."""
    ubatch_tokens: int | None = None
    """Rows that are computed at once; all of a step if None."""
    chat_template: str | None = None
    """In the place of all that the file has."""
    rope_scaling: Literal["none", "linear", "yarn"] | None = None
    """How positions beyond those of the training are told to the model; as its file says if None."""
    rope_scale: float | None = None
    """By how much its context grows; by that of its file if None."""
    rope_freq_base: float | None = None
    yarn_orig_context: int | None = None
    """Tokens of the training without any scaling, for `yarn`; as the file says if None."""
    pooling: Literal["none", "mean", "cls", "last"] | None = None
    """As the file says if None; with `none` each token keeps its vector."""

    def place(self, params: Any) -> None:
        """Fill in where weights are to lie, in the parameters of a model. GPUs are named only where they are used."""
        if (mode := self._load_mode()) is not None:
            params.load_mode = mode
        if not llama_cpp.llama_supports_gpu_offload():
            return
        if self.main_gpu is not None:
            params.split_mode, params.main_gpu = llama_cpp.LLAMA_SPLIT_MODE_NONE, self.main_gpu
        elif self.tensor_split:
            shares = [*self.tensor_split, *[0.0] * llama_cpp.llama_max_devices()][: llama_cpp.llama_max_devices()]
            params.tensor_split = (ctypes.c_float * len(shares))(*shares)

    def longest(self, trained: int) -> int:
        """Tokens of the longest sequence of a model that was trained for so many."""
        return int(trained * (self.rope_scale or 1))

    def scale_positions(self, params: Any) -> None:
        """Fill in how positions are told to the model, in the parameters of a context."""
        if self.rope_scaling is not None:
            params.rope_scaling_type = _ROPE[self.rope_scaling]
        if self.rope_scale is not None:
            params.rope_freq_scale = 1 / self.rope_scale
        if self.rope_freq_base is not None:
            params.rope_freq_base = self.rope_freq_base
        if self.yarn_orig_context is not None:
            params.yarn_orig_ctx = self.yarn_orig_context

    def flash_attn_type(self, default: Literal["on", "auto"]) -> int:
        """llama.cpp's number."""
        return _ATTENTION[self.flash_attention or default]

    def pooling_type(self) -> int | None:
        """llama.cpp's number."""
        return None if self.pooling is None else _POOLING[self.pooling]

    def cache_types(self) -> tuple[int, int]:
        """ggml's numbers, of keys and of values."""
        return CACHE_TYPES[self.cache_type_k], CACHE_TYPES[self.cache_type_v]

    def _load_mode(self) -> int | None:
        if self.mlock:
            return int(llama_cpp.LLAMA_LOAD_MODE_MLOCK if self.mmap is False else llama_cpp.LLAMA_LOAD_MODE_MMAP_MLOCK)
        if self.mmap is None:
            return None
        return int(llama_cpp.LLAMA_LOAD_MODE_MMAP if self.mmap else llama_cpp.LLAMA_LOAD_MODE_NONE)


DEFAULTS: Final = Options()


def refusal(told: Sequence[str]) -> str:
    """Why llama.cpp makes no context with these options, by what it has told of it; '' if it is for want of memory."""
    reasons = (match[1] for match in map(_REFUSED.match, told) if match)
    return next((reason for reason in reasons if "alloc" not in reason), "")
