"""How many tokens a sequence drafts, by how many of its drafts came true. Pure."""

from __future__ import annotations

from tasks.engine.sequence import Sequence
from tasks.engine.speculation.lookup import Lookup

LENGTHS = (3, 7, 15)
"""Of drafts. With the row before them they fill what the kernels of a CPU take at once: 4, 8 or 16 rows."""
LONGEST_PAUSE = 64
"""Tokens for which a sequence drafts nothing, after several drafts of which nothing came."""


class Drafter:
    """Drafts for one sequence."""

    def __init__(self) -> None:
        self._lookup = Lookup()
        self._level = 0
        self._pause = 0
        self._resumes_at = 0

    def draft(self, sequence: Sequence, most: int) -> list[int]:
        """So many tokens at most; none while it pauses, and none beyond the sequence's last token."""
        if sequence.num_generated < self._resumes_at:
            return []
        return self._lookup.draft(sequence.tokens, min(LENGTHS[self._level], most, sequence.num_left - 1))

    def observe(self, sequence: Sequence, drafted: int, accepted: int) -> None:
        """Take notice of what came of a draft."""
        self._lookup.went_on(accepted)
        if accepted == drafted:
            self._level = min(self._level + 1, len(LENGTHS) - 1)
        elif accepted < LENGTHS[self._level] // 2:
            self._level = max(0, self._level - 1)
        self._pause = 0 if accepted else min(LONGEST_PAUSE, 2 * self._pause + 1)
        self._resumes_at = sequence.num_generated + self._pause
