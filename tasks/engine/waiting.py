"""Waiting for a slot: in what order, and until when another's prefill is worth waiting for. Pure bookkeeping."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tasks.engine.sequence import Sequence
from tasks.engine.slots import LEAST_SHARED_TOKENS, SlotPool, common_prefix


def line_up(waiting: deque[Sequence], sequence: Sequence, *, first: bool = False) -> None:
    """Put a sequence behind all that are as urgent, or before them."""
    places = (
        place
        for place, other in enumerate(waiting)
        if other.gives_way > sequence.gives_way or (first and other.gives_way == sequence.gives_way)
    )
    waiting.insert(next(places, len(waiting)), sequence)


def is_being_computed(sequence: Sequence, running: Iterable[Sequence], slots: SlotPool) -> bool:
    """Whether a running prefill is about to compute more of this prompt than there is: waiting is cheaper."""
    if not slots.can_share:
        return False
    wanted = sequence.shareable
    there = slots.longest_shared(wanted, sequence.owner)
    return any(
        common_prefix(other.tokens[:-1], wanted[:-1]) >= there + LEAST_SHARED_TOKENS
        for other in running
        if other.num_pending > 1 and slots.may_share(sequence.owner, other.owner)
    )
