"""Stop strings: text that may be the beginning of one is held back until that is decided."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Watches the text of one sequence for the first of its stop strings."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = ""
        """The stop string that was found."""

    @property
    def stopped(self) -> bool:
        return self.found != ""

    def feed(self, text: str) -> str:
        """The text that may be shown now; once a stop string is `found`, the rest is dropped."""
        if not self._stops:
            return text
        self._held += text
        found = [(at, stop) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            at, self.found = min(found, key=lambda each: each[0])
            return self._release(at, drop=True)
        return self._release(len(self._held) - self._undecided())

    def flush(self) -> str:
        """What was held back when the sequence ended without a stop string."""
        return self._release(len(self._held))

    def _undecided(self) -> int:
        """Length of the longest end of the text that begins a stop string."""
        longest = min(max(map(len, self._stops)) - 1, len(self._held))
        for length in range(longest, 0, -1):
            tail = self._held[-length:]
            if any(stop.startswith(tail) for stop in self._stops):
                return length
        return 0

    def _release(self, length: int, *, drop: bool = False) -> str:
        text, rest = self._held[:length], self._held[length:]
        self._held = "" if drop else rest
        return text
