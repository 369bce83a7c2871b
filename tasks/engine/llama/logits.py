"""Work on a row of logits, the size of the vocabulary: in numpy, and in buffers that are used again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]

_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
_ADDED = np.where(_BITS, np.float32(0), np.float32(-np.inf)).astype(np.float32)
"""What eight tokens get added to their logits, for each value of their byte in a mask."""


class Mask:
    """One bit for each token of the vocabulary: whether it is allowed."""

    def __init__(self, vocab_size: int) -> None:
        self.num_bytes = (vocab_size + 31) // 32 * 4
        self._bytes = np.zeros(self.num_bytes, np.uint8)

    @property
    def address(self) -> int:
        """Where the bits are to be written, in 32-bit words."""
        return int(self._bytes.ctypes.data)

    def forbid(self, logits: Logits, work: Logits) -> None:
        """Forbid the tokens whose bits are 0. `work` is of the shape that `work_for` gives."""
        np.take(_ADDED, self._bytes, axis=0, out=work, mode="clip")
        logits += work.reshape(-1)[: len(logits)]


def work_for(vocab_size: int) -> Logits:
    """Where masks of such a vocabulary are spread out before they are added."""
    return np.zeros((Mask(vocab_size).num_bytes, 8), np.float32)


class Distribution:
    """The softmax of a row as the model gave it, before anything was added to its logits."""

    def __init__(self, vocab_size: int) -> None:
        self._logits = np.zeros(vocab_size, np.float32)
        self._work = np.zeros(vocab_size, np.float32)
        self._flags = np.zeros(vocab_size, np.bool_)
        self._log_sum = 0.0

    def read(self, logits: Logits) -> None:
        """Take a copy of a row."""
        np.copyto(self._logits, logits)
        greatest = float(logits.max())
        np.subtract(logits, greatest, out=self._work)
        np.exp(self._work, out=self._work)
        self._log_sum = greatest + math.log(float(self._work.sum()))

    def logprob(self, token: int) -> float:
        """The natural logarithm of a token's probability."""
        return float(self._logits[token]) - self._log_sum

    def top(self, count: int) -> tuple[tuple[int, float], ...]:
        """The likeliest tokens with their logarithms, likeliest first."""
        count = min(count, len(self._logits))
        if not count:
            return ()
        np.copyto(self._work, self._logits)
        self._work.partition(len(self._work) - count)
        np.greater_equal(self._logits, self._work[len(self._work) - count], out=self._flags)
        found: npt.NDArray[Any] = np.flatnonzero(self._flags)
        best = found[np.argsort(-self._logits[found], kind="stable")][:count]
        return tuple((int(token), self.logprob(int(token))) for token in best)
