"""Which set of adapters the next batch is of: llama.cpp computes a batch with one. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence as Listed

from tasks.engine.sequence import Sequence


class AdapterTurns:
    """Gives each batch to the sequence that has waited longest for one, and to all that have the same adapters.

    So each sequence has a token in every round of the sets, however many of them and of it there are.
    """

    def __init__(self) -> None:
        self._num_batches = 0

    def begin(self, sequence: Sequence) -> None:
        """A sequence gets a slot, and waits for a batch from now on."""
        sequence.last_batch = self._num_batches

    def choose(self, able: Listed[Sequence]) -> Listed[Sequence]:
        """Those of the next batch."""
        if len({sequence.adapters for sequence in able}) < 2:
            return able
        adapters = min(able, key=lambda sequence: sequence.last_batch).adapters
        self._num_batches += 1
        chosen = [sequence for sequence in able if sequence.adapters == adapters]
        for sequence in chosen:
            sequence.last_batch = self._num_batches
        return chosen
