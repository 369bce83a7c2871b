"""Waiting for a slot: in what order, and until when another's prefill is worth waiting for. Pure bookkeeping."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator
from collections.abc import Sequence as Listed
from itertools import chain
from typing import Generic, Protocol, TypeVar

from tasks.engine.prefixes import LEAST_SHARED_TOKENS, common_prefix
from tasks.engine.sequence import Sequence
from tasks.engine.shares import Part, Shares
from tasks.engine.slots import SlotPool

LOOKAHEAD = 16
"""Sequences of one job that are looked at, if those before them wait for their prefix."""


class Waiting(Part, Protocol):
    """What waits. Of one job all give way, or none does."""

    place: int

    @property
    def gives_way(self) -> bool: ...


T = TypeVar("T", bound=Waiting)


class WaitingLine(Generic[T]):
    """Those without a slot, job by job."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, deque[T]] = {}
        self._last = 0

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def __iter__(self) -> Iterator[T]:
        """Job by job."""
        return chain.from_iterable(self._jobs.values())

    def __contains__(self, part: T) -> bool:
        return part in self._jobs.get(part.job, ())

    def add(self, part: T, *, first: bool = False) -> None:
        """Line one up behind all others, or before them."""
        self._last += 1
        part.place = -self._last if first else self._last
        of_job = self._jobs.setdefault(part.job, deque())
        if first:
            of_job.appendleft(part)
        else:
            of_job.append(part)

    def remove(self, part: T) -> None:
        of_job = self._jobs[part.job]
        of_job.remove(part)
        if not of_job:
            del self._jobs[part.job]

    def drop(self, job: Hashable) -> None:
        """Take out all of a job."""
        self._jobs.pop(job, None)

    def next(self, shares: Shares[T], *, but: Collection[T] = ()) -> T | None:
        """Whose turn it is: first those that do not give way, then who has the fewest slots, then who came first.

        Args:
            but: those that are passed over.
        """
        heads = (next((each for each in _first(of_job) if each not in but), None) for of_job in self._jobs.values())
        return min(
            (head for head in heads if head),
            key=lambda each: (each.gives_way, shares.had_by(each), each.place),
            default=None,
        )


def _first(of_job: deque[T]) -> Iterator[T]:
    return (of_job[place] for place in range(min(LOOKAHEAD, len(of_job))))


def is_being_computed(sequence: Sequence, running: Iterable[Sequence], slots: SlotPool) -> bool:
    """Whether a running prefill is about to compute more of this prompt than there is: waiting is cheaper."""
    if not slots.can_share:
        return False
    wanted = sequence.shareable
    there = slots.longest_shared(wanted, sequence.owner, sequence.adapters)
    return any(
        common_prefix(other.tokens[:-1], wanted[:-1]) >= there + LEAST_SHARED_TOKENS
        for other in running
        if other.num_pending > 1
        and other.adapters == sequence.adapters
        and slots.may_share(sequence.owner, other.owner)
    )


def overtaken_by(running: Listed[Sequence], waiting: WaitingLine[Sequence], since: float) -> list[Sequence]:
    """Those that give way and have waited for others since then or longer, while nothing of their job had a slot."""
    if all(each.gives_way for each in chain(running, waiting)):
        return []
    with_slot = {each.job for each in running}
    return [each for each in waiting if each.gives_way and each.waiting_since <= since and each.job not in with_slot]
