"""Jobs of models that the catalogue has no longer: they are told of, their deadlines hold, and in the end they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from tasks.ledger.line import Line
from tasks.ledger.missing import Missing
from tasks.logs import get_logger

LOOK_SECONDS: Final = 15.0

log = get_logger(__name__)


class Strays:
    """Of the process that sweeps.

    Args:
        models: tells those of the catalogue, and those that leave it while their workers end their jobs.
        seconds: for how long a model may be missing before its jobs end.
    """

    def __init__(self, line: Line, missing: Missing, *, models: Callable[[], Collection[str]], seconds: float) -> None:
        self._line = line
        self._missing = missing
        self._models = models
        self._seconds = seconds
        self._looked_at = -LOOK_SECONDS
        self._told: set[str] = set()

    def tick(self, announce: Callable[[str, str], object]) -> None:
        """Look, now and then. `announce` is given each job that ended, and its model."""
        if time.monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        found = self._missing.note(self._models())
        for model, (num_jobs, missing_seconds) in found.items():
            left = self._seconds - missing_seconds
            if model not in self._told:
                log.warning(
                    "jobs wait for a model that the catalogue does not have",
                    model=model, jobs=num_jobs, end_in_seconds=max(0, round(left)),
                )  # fmt: skip
            ended = self._line.sweep(model).ended
            if left <= 0:
                ended += self._line.strand(model, self._seconds)
            for job_id in ended:
                log.info("job of a missing model ended", job_id=job_id, model=model)
                announce(job_id, model)
        self._told = set(found)
