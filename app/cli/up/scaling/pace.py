"""How long a model's jobs take, by those that have ended and by those that have not (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.ledger.scaling import Demand


@dataclass(slots=True)
class Pace:
    """One model's. It is told every look at the ledger, and remembers a speed while the model sleeps."""

    _known: float = 0.0
    _ended: int = -1
    _still_since: float = 0.0
    """When a job ended last, or none ran. By `time.monotonic`."""

    def job_seconds(self, demand: Demand, now: float) -> float:
        """As the last jobs took, and at least as long as no job has ended though some run; 0 if none ever ended."""
        self._known = demand.job_seconds or self._known
        ended = demand.accepted - demand.waiting - demand.running
        if ended != self._ended or not demand.running:
            self._ended, self._still_since = ended, now
        return self._known and max(self._known, now - self._still_since)
