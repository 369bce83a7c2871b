"""Which running sequences sit out the next batch, since what chooses their tokens is not ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from tasks.engine.sequence import Sequence

MOMENT_SECONDS: Final = 0.005
"""What a batch waits for samplers, in all."""


def await_samplers(running: Iterable[Sequence], clock: Callable[[], float] = time.monotonic) -> None:
    """Note which sequences are ready. A batch waits a moment for those that were, and for the others if nobody is."""
    late = []
    someone = False
    for sequence in running:
        was, sequence.ready = sequence.ready, sequence.sampler is None or sequence.sampler.ready(0)
        someone |= sequence.ready
        if not sequence.ready:
            late.append((sequence, was))
    ends = clock() + MOMENT_SECONDS if late else 0.0
    for sequence, was in reversed(late):  # they become ready in order, as a rule: one wait is enough
        if (was or not someone) and sequence.sampler is not None:
            sequence.ready = sequence.sampler.ready(max(0.0, ends - clock()))
            someone |= sequence.ready
