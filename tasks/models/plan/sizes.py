"""What a loaded model takes of memory, part by part."""

from __future__ import annotations

from dataclasses import dataclass

WORKER_BYTES = 136 << 20
"""A worker's two processes without a model, with Python, Celery, llama.cpp and their libraries: 94 MiB the one that
serves, 42 what the one that looks after it has beside that (measured: docs/models.md)."""
TOKEN_BYTES = 640
"""What a token of the vocabulary takes in llama.cpp and, once a grammar was asked for, in llguidance; about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of one worker's model, wherever they lie."""

    weights: int
    """All tensors of the file, and of its adapters'."""
    cache: int
    """Keys and values, or states, of all sequences together."""
    buffers: int
    """What a batch is computed in, and its logits."""
    layers: int
    """Repeating ones."""
    parameters: int
    vocabulary: int = 0
    """Tokens."""
    prefixes: int = 0
    """What `prefix_cache` of its entry may take, in the machine's memory."""
    on_card: bool
    """Whether layers of it go to a GPU, so that the machine's memory does not have all of this."""

    @property
    def total(self) -> int:
        """What the model takes."""
        return self.weights + self.cache + self.buffers

    @property
    def process(self) -> int:
        """What a worker's processes take without it."""
        return WORKER_BYTES + TOKEN_BYTES * self.vocabulary

    @property
    def beside(self) -> int:
        """What a worker takes beside it, in the machine's memory."""
        return self.process + self.prefixes
