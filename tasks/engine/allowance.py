"""How many cells kept prefixes may take beside running sequences.

Attention in a unified cache runs over all cells up to the last used one, so everybody pays for what is kept. It is
worth that where prompts find something of use among it, which the last prompts tell.
"""

from __future__ import annotations

AT_FIRST = 2048
DECAY = 0.9
"""For each prompt that found nothing of use among what is kept."""
MARGIN = 1.25


class Allowance:
    """Cells for kept prefixes, by what would have been enough for the prompts that found theirs."""

    def __init__(self) -> None:
        self._cells = float(AT_FIRST)

    @property
    def cells(self) -> int:
        return int(self._cells)

    def missed(self) -> None:
        """A prompt found nothing of use."""
        self._cells *= DECAY

    def found(self, depth: int) -> None:
        """A prompt found its prefix, which was there because so many cells were kept: those of all prefixes used
        after it, and its own."""
        self._cells = max(self._cells * DECAY, depth * MARGIN)
