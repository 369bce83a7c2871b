"""A worker that `caravan up` runs, as it is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from app.cli.up.scaling.situation import Worker, number_of
from tasks.ledger.scaling import Demand
from tasks.models.catalogue import ModelEntry
from tasks.models.changes import compare


@dataclass(slots=True)
class Own:
    """What is known of it. Times are those of `time.monotonic`, sizes bytes.

    Args:
        entry: for which it was started.
        bytes: that it takes, of one whose entry is another now.
        has_old_file: whether the model's file is another now. Then no other worker can continue its jobs.
    """

    model: str
    entry: ModelEntry
    started_at: float
    ready_at: float | None = None
    is_draining: bool = False
    is_stale: bool = False
    bytes: int | None = None
    has_old_file: bool = False

    def compare_with(self, entry: ModelEntry, *, replaced: bool, bytes: int) -> None:
        """Look whether it can stay as it is.

        Args:
            replaced: whether the model's file has become another.
            bytes: that it takes, if nothing has told before.
        """
        changes = compare({"": self.entry}, {"": entry})
        self.has_old_file = self.has_old_file or replaced or bool(changes.replaced)
        self.is_stale = self.has_old_file or bool(changes.renewed)
        self.bytes = None if not self.is_stale else bytes if self.bytes is None else self.bytes

    def seen(self, name: str, demand: Demand, now: float) -> Worker:
        """The same at one moment."""
        return Worker(
            name=name,
            state="draining" if self.is_draining else "starting" if self.ready_at is None else "ready",
            held=demand.held.get(name, 0),
            started_ago=max(0.0, now - self.started_at),
            ready_ago=inf if self.ready_at is None else max(0.0, now - self.ready_at),
            is_stale=self.is_stale,
            bytes=self.bytes,
        )


def is_ours(worker: str, model: str) -> bool:
    """Whether a name is one that `caravan up` gives, now or before it was started again."""
    prefix, _, number = worker.rpartition("-")
    return prefix == model and number.isdigit() and number_of(worker) > 0
