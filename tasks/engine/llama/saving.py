"""What a context has computed of some tokens, as bytes, and back: llama.cpp's own form of a sequence's state.

llama.cpp writes a sequence as a whole. A part of one is first given to a sequence that has nothing else, which costs no
cells: the cache is unified.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llama_cpp
import numpy as np

from tasks.engine.backend import BackendFailure, Saved
from tasks.engine.llama import library
from tasks.engine.llama.options import Options


class Saving:
    """Saves and loads parts of sequences.

    Args:
        ctx: a context with a unified cache, each of whose layers keeps every token.
        spare: the id of a sequence that has no tokens.
    """

    def __init__(self, ctx: Any, spare: int) -> None:
        self._ctx, self._spare = ctx, spare
        self._memory = llama_cpp.llama_get_memory(ctx)

    def save(self, slot: int, start: int, end: int) -> Saved:
        """The tokens of a slot from position `start` up to `end`. Raises `BackendFailure`."""
        library.seq_cp(self._memory, slot, self._spare, start, end)
        try:
            saved = np.empty(llama_cpp.llama_state_seq_get_size(self._ctx, self._spare), np.uint8)
            address = library.pointer(saved, ctypes.c_uint8)
            written = llama_cpp.llama_state_seq_get_data(self._ctx, address, len(saved), self._spare)
        finally:
            library.seq_rm(self._memory, self._spare, -1, -1)
        if written != len(saved):
            raise BackendFailure(f"llama.cpp wrote {written} bytes of a sequence's {len(saved)}")
        return saved.data

    def load(self, slot: int, start: int, saved: Saved) -> bool:
        """Give a slot what was saved of the positions from `start` on; whether llama.cpp took it."""
        address = library.pointer(np.frombuffer(saved, np.uint8), ctypes.c_uint8)
        taken = llama_cpp.llama_state_seq_set_data(self._ctx, address, len(saved), self._spare)
        if taken:
            library.seq_cp(self._memory, self._spare, slot, start, -1)
        library.seq_rm(self._memory, self._spare, -1, -1)
        return bool(taken)


def form(options: Options, *, cache_tokens: int) -> str:
    """What the bytes depend on beside the model: the library, the cache's formats, and how positions are told.

    Some models tell positions by the cache's size as well.
    """
    parts = (
        f"llama-cpp-python {llama_cpp.__version__}",
        f"sequence {llama_cpp.LLAMA_STATE_SEQ_VERSION}",
        options.cache_type_k,
        options.cache_type_v,
        options.flash_attention,
        options.rope_scaling,
        options.rope_scale,
        options.rope_freq_base,
        options.yarn_orig_context,
        cache_tokens,
    )
    return "/".join(map(str, parts))
