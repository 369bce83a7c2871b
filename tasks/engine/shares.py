"""How many slots each owner has, and each of its jobs: who is next, and who makes room for whom. Pure bookkeeping.

Owners share the slots evenly by their weights, and an owner's jobs share what it has, however many sequences each of
them asks for: max-min fairness, counted in slots.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from collections.abc import Sequence as Listed
from typing import Generic, Protocol, TypeVar

from tasks.engine.sequence import Sequence


class Part(Protocol):
    """One of the things that a job asks the engine for: a sequence, or a passage."""

    @property
    def job(self) -> Hashable: ...

    @property
    def owner(self) -> Hashable: ...

    @property
    def weight(self) -> float: ...


T = TypeVar("T", bound=Part)


class Shares(Generic[T]):
    """The slots that owners and jobs have at one moment.

    Args:
        running: those that have slots, oldest first.
    """

    def __init__(self, running: Iterable[T] = ()) -> None:
        self._of_owner: Counter[Hashable] = Counter()
        self._of_job: Counter[Hashable] = Counter()
        self._siblings: dict[T, int] = {}
        for each in running:
            self.add(each)

    def add(self, part: T) -> None:
        """Count one more that has a slot, the youngest."""
        self._siblings[part] = self._of_job[part.job]
        self._of_job[part.job] += 1
        self._of_owner[part.owner] += 1

    def had_by(self, part: T) -> tuple[float, int]:
        """The slots of its owner, over its weight, and those of its job: who has least is next."""
        return self._of_owner[part.owner] / part.weight, self._of_job[part.job]

    def older_siblings(self, part: T) -> int:
        """How many older ones of its job have slots."""
        return self._siblings[part]


def last(running: Listed[Sequence]) -> Sequence:
    """Who has to go if one has to: one that gives way before others, then the youngest of those who have most.

    Those that are decoded alone come last: without them nothing would run.
    """
    shares = Shares(running)

    def order(each: Sequence) -> tuple[bool, bool, float, int]:
        return not each.alone, each.gives_way, shares.had_by(each)[0], shares.older_siblings(each)

    return max(reversed(running), key=order)


def made_room_by(running: Listed[Sequence], waiting: Sequence) -> list[Sequence]:
    """Running ones whose slots and cells one that waits may have, in this order, beside those that give way.

    The owner who has most keeps at least as much as the one who gets. If that leaves nothing, then a job without a
    slot gets one from a job of the same owner that has several.
    """
    shares = Shares(running)
    able = [each for each in reversed(running) if not (each.alone or each.gives_way)]
    able.sort(key=lambda each: -shares.older_siblings(each))
    most = max(able, key=lambda each: shares.had_by(each)[0], default=waiting)
    if most.owner != waiting.owner:
        (has, _), (gets, _) = shares.had_by(most), shares.had_by(waiting)
        count = math.floor((has - gets - 1 / waiting.weight) * most.weight)
        if count > 0:
            return [each for each in able if each.owner == most.owner][:count]
    if shares.had_by(waiting)[1]:
        return []
    return [each for each in able if each.owner == waiting.owner and shares.older_siblings(each)]
