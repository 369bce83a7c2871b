"""Which cells of the KV cache are in use: several slots may hold the same cell, where they share a prefix."""

from __future__ import annotations

import numpy as np


class CellPool:
    """Counts for every cell how many slots hold it, as `llama_memory_seq_cp` and `_rm` do on the other side."""

    def __init__(self, num_cells: int) -> None:
        self._holders = np.zeros(num_cells, np.int32)
        self._free = list(range(num_cells))

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def num_used(self) -> int:
        return len(self._holders) - len(self._free)

    def take(self, count: int) -> list[int]:
        """Cells for `count` new tokens, held by one slot. There must be as many."""
        taken = self._free[len(self._free) - count :]
        del self._free[len(self._free) - count :]
        self._holders[taken] = 1
        return taken

    def share(self, cells: list[int]) -> None:
        """One slot more holds these cells."""
        self._holders[cells] += 1

    def give(self, cells: list[int]) -> None:
        """One slot fewer holds these cells; those that nobody holds are free."""
        if cells:
            self._holders[cells] -= 1
            held = np.asarray(cells)
            self._free.extend(held[self._holders[held] == 0].tolist())

    def num_outside(self, groups: list[list[int]], *, among: list[int] | None = None) -> int:
        """How many cells, of all or of those in `among`, are in none of these groups, which may overlap."""
        outside = np.ones(len(self._holders), bool)
        for cells in groups:
            outside[cells] = False
        return int((outside if among is None else outside[among]).sum())

    def added_by(self, groups: list[list[int]], *, beside: list[list[int]]) -> list[int]:
        """For each group, how many of its cells are neither in those beside it nor in a group before it."""
        seen = np.zeros(len(self._holders), bool)
        for cells in beside:
            seen[cells] = True
        counts = []
        for cells in groups:
            counts.append(len(cells) - int(seen[cells].sum()))
            seen[cells] = True
        return counts
