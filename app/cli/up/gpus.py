"""Which GPU each worker sees, where `caravan up` gives each worker one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tasks.models.entry import ModelEntry

VARIABLE = "CUDA_VISIBLE_DEVICES"
"""ROCm's libraries look at it as well."""


class Gpus:
    """Gives workers GPUs. A worker keeps the one that it has been given, so that all of its processes have the same.

    Args:
        ids: the GPUs, as the variable names them: numbers, or UUIDs. Without any, workers see them all.
        layers: layers of models whose entries do not say how many, -1 for all.
    """

    def __init__(self, ids: Iterable[str] = (), *, layers: int = -1) -> None:
        self._ids = tuple(ids)
        self._layers = layers
        self._given: dict[str, str] = {}

    def environment(self, worker: str, entry: ModelEntry | None) -> dict[str, str]:
        """What a worker is told beside all else: the GPU that has the fewest workers, of equal ones the first."""
        if not self._ids or (entry is not None and not self._takes_one(entry)):
            return {}
        if worker not in self._given:
            counts = Counter(self._given.values())
            self._given[worker] = min(self._ids, key=lambda gpu: counts[gpu])
        return {VARIABLE: self._given[worker]}

    def _takes_one(self, entry: ModelEntry) -> bool:
        """Whether a model has layers on a GPU, and does not say itself on which."""
        layers = self._layers if entry.gpu_layers is None else entry.gpu_layers
        return layers != 0 and entry.main_gpu is None and not entry.tensor_split
