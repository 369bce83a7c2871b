"""How fast a batch is, over its last seconds. Pure."""

from __future__ import annotations

from collections import deque

from tasks.batches.batch import Counts, Speed

SECONDS = 15.0


class Pace:
    """Looks back over what was answered."""

    def __init__(self, now: float) -> None:
        self._past = deque([(now, Counts())])

    def note(self, now: float, answered: Counts) -> Speed:
        """The speed, now that so much has been answered since it began."""
        self._past.append((now, answered))
        while now - self._past[1][0] >= SECONDS:
            self._past.popleft()
        then, before = self._past[0]
        seconds = max(now - then, 1e-3)
        return Speed(
            lines=(answered.done - before.done) / seconds,
            tokens=(answered.output_tokens - before.output_tokens) / seconds,
        )
