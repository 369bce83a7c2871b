"""How far a prompt has been read, for those who ask. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.engine.sequence import Sequence

MOST_REPORTS = 100
"""Of one prompt, about; a step that reads less than that part of it is told with a later one."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Tokens of a prompt: all, those that were computed before, and those that are there by now; seconds so far."""

    total: int
    cached: int
    processed: int
    seconds: float


def progress(sequence: Sequence, now: float) -> Progress | None:
    """What is to be told of a sequence; None if nobody asks, if its answer has begun, or if it is as far as before.

    Where a slot held tokens of another owner's, the others are told as if they were all, since of those nothing may be
    told.

    Args:
        now: on the clock of the sequence's times.
    """
    total = sequence.num_prompt_tokens
    if not sequence.tells_progress or sequence.num_generated or sequence.num_cached is None:
        return None
    own, there = sequence.num_cached_own, min(sequence.num_computed, total) - sequence.num_cached
    processed = own + max(0, there) * (total - own) // max(1, total - sequence.num_cached)
    step = 1 if processed == total else max(1, total // MOST_REPORTS)
    if sequence.told_processed is not None and processed < sequence.told_processed + step:
        return None
    sequence.told_processed = processed
    return Progress(total, own, processed, max(0.0, now - sequence.started_at))
