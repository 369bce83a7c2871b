"""When so many rows fail that asking on is vain."""

from __future__ import annotations

from collections.abc import Iterable

from app.bulk.answer import Answer
from app.bulk.errors import BulkError
from app.bulk.journal import Journal

STREAK = 50
"""Rows one after the other that failed by no fault of their own: the model fails, not the rows."""


class Judge:
    """Sees the answers of a run in their order, once they are in the journal."""

    def __init__(self, journal: Journal, *, total: int, max_failures: int | None) -> None:
        self._journal = journal
        self._total = total
        self._max_failures = max_failures
        self._streak = 0

    def see(self, answers: Iterable[Answer]) -> None:
        """Raise BulkError if too many rows have failed. Those that will be asked again are taken from the journal."""
        last = None
        for last in answers:
            self._streak = self._streak + 1 if last.failed and last.passing else 0
        most, tally = self._max_failures, self._journal.tally
        vain = tally.num_rows if tally.num_failed == tally.num_rows and most is None else self._streak
        if last is not None and vain >= min(STREAK, self._total):
            self._journal.take_back(vain)
            raise BulkError(
                f"{vain} rows in a row have failed, the last one with {last.code}: {last.message.rstrip('.')}. "
                "The next run asks them again."
            )
        if most is not None and tally.num_failed > most:
            raise BulkError(f"{tally.num_failed} rows have failed, and --max-failures allows {most}.")
