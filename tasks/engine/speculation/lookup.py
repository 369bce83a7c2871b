"""Prompt lookup: what comes next is guessed to be what came after the same few tokens before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

GRAM = 3
"""Tokens that have to be the same."""
MOST_READ = 8192
"""Tokens of a sequence that are read for one draft, at most; of a longer prompt the beginning is left out."""


class Lookup:
    """Where the last occurrence of each few tokens of one sequence ended."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._num_read = 0
        self._source = 0
        """Where the text that was drafted last goes on; 0 if nowhere."""

    def draft(self, tokens: Sequence[int], count: int) -> list[int]:
        """So many tokens at most that may come next; none if nothing like the last few has been seen before.

        Args:
            tokens: all of the sequence, with more of them at each call.
        """
        self._read(tokens)
        last = tuple(tokens[-GRAM:])
        source = self._source if 0 < self._source < len(tokens) else 0
        if not source or tuple(tokens[max(0, source - GRAM) : source]) != last:
            source = self._after.get(last, 0)
        self._source = source
        return list(tokens[source : source + count]) if source else []

    def went_on(self, count: int) -> None:
        """So many tokens of what was drafted came, and one more after them."""
        if self._source:
            self._source += count + 1

    def _read(self, tokens: Sequence[int]) -> None:
        """Note the ends of all few tokens but the last ones."""
        for end in range(max(self._num_read, GRAM, len(tokens) - MOST_READ), len(tokens)):
            self._after[tuple(tokens[end - GRAM : end])] = end
        self._num_read = len(tokens)
