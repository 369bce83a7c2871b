"""What workers told of their models' tokenizers.

A question is a job. So a program that looks again and again would keep a model awake that nobody else uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.ledger.overview import WorkerOverview
from tasks.models.catalogue import ModelEntry


@dataclass(frozen=True, slots=True)
class _Known:
    entry: ModelEntry
    workers: frozenset[tuple[str, float]]
    told: Mapping[str, Any]


class TokenizerInfos:
    """The last one of each model. Threads may share it: the worst is that two ask."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def of(
        self, model: str, entry: ModelEntry, live: Iterable[WorkerOverview], ask: Callable[[], Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        """What the workers told; they are asked if they are others than those that told it.

        Without a live worker it is what the last ones told of the same entry, or None.
        """
        known = self._known.get(model)
        if known is not None and known.entry != entry:
            known = None
        workers = frozenset((worker.name, worker.figures.get("pid", 0.0)) for worker in live)
        if not workers or (known is not None and workers <= known.workers):
            return known.told if known is not None else None
        told = ask()
        if told is not None:
            self._known[model] = _Known(entry, workers, told)
        return told
