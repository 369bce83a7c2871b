"""One `llama_batch`, used again for every step."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp
import numpy as np

from tasks.engine.backend import Row
from tasks.engine.llama.library import pointer


class Batch:
    """A `llama_batch` over numpy arrays; a token belongs to one sequence."""

    def __init__(self, size: int) -> None:
        self.tokens = np.zeros(size, np.int32)
        self.positions = np.zeros(size, np.int32)
        self.slots = np.zeros(size, np.int32)
        self.wants_logits = np.zeros(size, np.int8)
        self._counts = np.ones(size, np.int32)
        self._slot_pointers = self.slots.ctypes.data + np.arange(size, dtype=np.uintp) * self.slots.itemsize
        self.struct = llama_cpp.llama_batch(
            token=pointer(self.tokens, ctypes.c_int32),
            pos=pointer(self.positions, ctypes.c_int32),
            n_seq_id=pointer(self._counts, ctypes.c_int32),
            seq_id=pointer(self._slot_pointers, ctypes.POINTER(ctypes.c_int32)),
            logits=pointer(self.wants_logits, ctypes.c_int8),
        )

    def fill(self, rows: Sequence[Row]) -> None:
        """Take these rows."""
        count = self.struct.n_tokens = len(rows)
        self.tokens[:count] = [row.token for row in rows]
        self.positions[:count] = [row.position for row in rows]
        self.slots[:count] = [row.slot for row in rows]
        self.wants_logits[:count] = [row.wants_logits for row in rows]
