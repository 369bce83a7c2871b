"""Answers in the order of their rows, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class InOrder(Generic[Answer]):
    """Holds the answers that come before their turn. Rows are numbered without gaps from `next` on."""

    def __init__(self, first: int = 0) -> None:
        self.next = first
        """The first row whose answer has not been given by `ready`."""
        self._held: dict[int, Answer] = {}

    @property
    def num_held(self) -> int:
        return len(self._held)

    def put(self, row: int, answer: Answer) -> None:
        """Hold an answer until its turn. Raises ValueError for a row that has one."""
        if row < self.next or row in self._held:
            raise ValueError(f"row {row} has its answer")
        self._held[row] = answer

    def ready(self) -> Iterator[tuple[int, Answer]]:
        """The rows whose turn has come, and their answers, which are let go."""
        while self.next in self._held:
            row, answer = self.next, self._held.pop(self.next)
            self.next += 1
            yield row, answer
