"""Whether drafts have been worth their rows, in steps that they saved and cost. Pure."""

from __future__ import annotations

SHARE = 0.01
"""Of all steps: so much may drafts cost that come to nothing."""
FIRST, MOST = 2.0, 8.0
"""Steps that may be lost at the beginning, and that success lets be lost later."""
WEIGHT = 0.2
"""How much the newest step counts in a running mean."""
KNOWN = 4
"""Steps without a draft that are measured before the first one with a draft."""


class Budget:
    """An account of steps. A draft is allowed while it is above 0; each plain step adds a little."""

    def __init__(self) -> None:
        self._balance = FIRST
        self._plain: dict[int, float] = {}
        self._measured: dict[int, int] = {}

    def allows(self, num_decoding: int) -> bool:
        """Whether so many sequences may draft now."""
        return self._balance > 0 and self._measured.get(num_decoding, 0) >= KNOWN

    def plain(self, num_decoding: int, seconds: float) -> None:
        """A step in which nobody drafted took so long."""
        mean = self._plain.get(num_decoding, seconds)
        self._plain[num_decoding] = mean + WEIGHT * (seconds - mean)
        self._measured[num_decoding] = self._measured.get(num_decoding, 0) + 1
        self._add(SHARE)

    def drafted(self, num_decoding: int, seconds: float, accepted: int) -> None:
        """A step with drafts took so long, and so many of the drafted tokens came true.

        A token saves a step to one of the sequences, so to several of them it saves less of a common step.
        """
        usual = self._plain[num_decoding]
        self._add(accepted / num_decoding - (seconds - usual) / usual)

    def _add(self, steps: float) -> None:
        self._balance = min(MOST, self._balance + steps)
