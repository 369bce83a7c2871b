"""How slowly a client may send or read (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

GRACE_SECONDS = 30.0
"""How long a client may keep us waiting whatever its rate, as Apache's mod_reqtimeout has it for a body."""
LEAST_RATE = 8192
"""Bytes for which a client may take a second more."""
MOST_SECONDS = 120.0
"""How much time bytes can buy. A slow reader empties the kernel's buffer by a third, of 4 MiB, before we hear of it."""


@dataclass(slots=True)
class Pace:
    """One body's way over a connection. It counts the time for which we waited for the client, and no other.

    Args:
        whole_seconds: how long the whole body may take at any rate.
    """

    whole_seconds: float = inf
    _waited: float = 0.0
    _credit: float = GRACE_SECONDS

    @property
    def seconds_left(self) -> float:
        """How long we may wait for the next bytes; 0 if the client has been too slow."""
        return max(0.0, min(self._credit, self.whole_seconds - self._waited))

    def note(self, *, num_bytes: int, waited: float) -> None:
        """Count bytes that went over, and how long we waited for them."""
        self._waited += waited
        self._credit = min(MOST_SECONDS, self._credit - waited + num_bytes / LEAST_RATE)
