"""A sliding window of a rate limit: what is left of it, and when there is more. Pure functions.

`lib/rates.lua` counts in it: what was used in the present minute counts whole, and what
was used in the minute before counts by the part of it that is less than a minute ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much was used of a limit a minute, in the minute before and in this one.

    ``previous_left`` is in how many seconds the first no longer counts; ``current_left`` the same for the second, which
    is counted whole until then but for the last minute.
    """

    limit: int
    previous: int = 0
    previous_left: float = 0.0
    current: int = 0
    current_left: float = 0.0

    @property
    def remaining(self) -> int:
        return max(0, self.limit - floor(self.previous * self.previous_left / SECONDS) - self.current)

    @property
    def reset_seconds(self) -> float:
        """Until all of the limit is there again, if nothing is used meanwhile."""
        return self.current_left if self.current else self.previous_left if self.previous else 0.0

    def wait_seconds(self, cost: int) -> int:
        """Until so much can be used, if nothing else is; at least 1. ``cost`` is not more than the limit."""
        seconds = self._until_previous_fades(self.limit - cost - self.current)
        if seconds is None:
            seconds = self.current_left - _fading(self.current, self.limit - cost)
        return max(1, ceil(seconds))

    def _until_previous_fades(self, room: int) -> float | None:
        """Until the minute before leaves room for the rest of this one; None if this one is over first."""
        if room < 0:
            return None
        seconds = self.previous_left - _fading(self.previous, room)
        return seconds if not self.current or seconds <= self.current_left - SECONDS else None


def _fading(used: int, room: int) -> float:
    """The seconds that a minute's use has left to count when it has faded to what there is room for."""
    return min(SECONDS, (room + 1) * SECONDS / used) if used else SECONDS


def duration(seconds: float) -> str:
    """As OpenAI's headers write it: ``17ms``, ``1s``, ``6m0s``."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
