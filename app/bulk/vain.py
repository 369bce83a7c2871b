"""When so many rows fail that asking on is vain."""

from __future__ import annotations

from collections.abc import Sequence

from app.bulk.answer import Answer
from app.bulk.errors import BulkError
from app.bulk.journal import Journal

STREAK = 50
"""Rows one after the other that failed by no fault of their own: the model fails, not the rows."""


class Judge:
    """Sees the answers of a run in their order, once they are in the journal."""

    def __init__(self, journal: Journal, *, max_failures: int | None) -> None:
        self._journal = journal
        self._max_failures = max_failures
        self._streak = 0
        self._since = 0

    def see(self, answers: Sequence[Answer | None]) -> None:
        """Raise BulkError if too many rows have failed. Those that will be asked again are taken from the journal.

        Args:
            answers: the last ones in the journal; None for those that were kept, which tell nothing of the model.
        """
        last = None
        for row, answer in enumerate(answers, self._journal.tally.num_rows - len(answers)):
            if answer is None:
                continue
            last = answer
            self._streak = self._streak + 1 if answer.failed and answer.passing else 0
            self._since = row if self._streak == 1 else self._since
        most, tally = self._max_failures, self._journal.tally
        if last is not None and most is None and self._streak >= STREAK:
            self._journal.take_back(tally.num_rows - self._since)
            raise BulkError(
                f"{self._streak} rows in a row have failed, the last one with {last.code}: {last.message.rstrip('.')}. "
                "The next run asks them again; with --max-failures it lets so many fail.",
                resumes=True,
            )
        if most is not None and tally.num_failed > most:
            raise BulkError(
                f"{tally.num_failed} rows have failed, and --max-failures allows {most}. Give a higher limit to go on."
            )
