"""What a loaded model takes of memory, part by part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of one worker's model, wherever they lie."""

    weights: int
    """All tensors of the file."""
    cache: int
    """Keys and values, or states, of all sequences together."""
    buffers: int
    """What a batch is computed in, and its logits."""
    layers: int
    """Repeating ones."""
    parameters: int
    on_card: bool
    """Whether layers of it go to a GPU, so that the machine's memory does not have all of this."""

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.buffers
