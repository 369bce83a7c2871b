"""The waiting line of a model: what is published from its head, and what the sweep mends.

Every method is one Lua script under ``lua``, so a process may die between any two calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.errors import ModelMissing
from tasks.ledger.scripts import Scripts
from tasks.records.job import MAX_CRASHES

SWEPT_AT_ONCE = 50
"""Jobs of a sort that one call of a sweeping script mends, at most: Redis does nothing else meanwhile."""
TAKEN_AT_ONCE = 64
"""Jobs that one call moves from the line to the published ones, at most."""

SMALL_AT_ONCE = 16
"""Jobs that need no slot that are published at once."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep mended: jobs of dead workers, messages nobody claimed, ids of jobs that ended because of it."""

    reclaimed: int
    unclaimed: int
    ended: list[str]

    @property
    def most(self) -> int:
        """How many of one sort; as many as `SWEPT_AT_ONCE` means that there may be more."""
        return max(self.reclaimed, self.unclaimed, len(self.ended))


class Line:
    """Moves jobs between the line and the broker. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, run: Scripts, *, unclaimed_seconds: float, ageing_seconds: float) -> None:
        self._run = run
        self._unclaimed_seconds = unclaimed_seconds
        self._ageing_seconds = ageing_seconds

    def take(self, model: str) -> list[str]:
        """Move the head of the line to the published ones, as far as live workers have room; the ids.

        As many as `TAKEN_AT_ONCE` means that there may be more.
        """
        ids: list[str] = self._run("take", *self.taking(model))
        return ids

    def taking(self, model: str) -> tuple[str | int | float, ...]:
        """What the script of `take` is given."""
        return model, self._ageing_seconds, SMALL_AT_ONCE, TAKEN_AT_ONCE

    def unpublish(self, model: str, job_ids: Iterable[str]) -> None:
        """Put published jobs back that a stopping worker has not claimed."""
        self._run("unpublish", model, *job_ids)

    def lead(self, process: str, seconds: int) -> tuple[bool, str]:
        """Whether a process is the one that sweeps, for so long; and the counter of reloads of the catalogue."""
        leads, reloads = self._run("lead", process, seconds)
        return bool(leads), str(reloads)

    def sweep(self, model: str) -> Swept:
        """Give back what dead workers held and what nobody claimed; expire what is late."""
        return Swept(*self._run("sweep", model, self._unclaimed_seconds, MAX_CRASHES, SWEPT_AT_ONCE))

    def strand(self, model: str, seconds: float) -> list[str]:
        """End queued jobs of a model that the catalogue has not had for so long; their ids."""
        error = ModelMissing(
            f"models.yaml has had no model '{model}' for {seconds:.0f} seconds, so no worker could run the job. "
            "Add the model again and retry the job."
        )
        ended: list[str] = self._run("strand", model, SWEPT_AT_ONCE, json.dumps(error.to_wire()))
        return ended

    def thin(self) -> int:
        """Remove ended jobs of owners whose jobs take much of the bytes that they may; how many were looked at.

        As many as `SWEPT_AT_ONCE` means that there may be more.
        """
        return int(self._run("thin", SWEPT_AT_ONCE))

    def tidy(self) -> int:
        """Send put off jobs that are due to the line, and remove what is left of old ones; how many of both.

        As many as `SWEPT_AT_ONCE` means that there may be more.
        """
        due, removed = self._run("tidy", SWEPT_AT_ONCE)
        return max(int(due), int(removed))
