"""How long steps take, so that one which never ends can be told from a slow one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

REMEMBERED_STEPS = 101
TIMES_AS_LONG = 20


class StepClock:
    """Written by the engine's thread, read by others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_at: float | None = None
        self._seconds: deque[float] = deque(maxlen=REMEMBERED_STEPS)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around a step."""
        self._began_at = began_at = self._clock()
        try:
            yield
        finally:
            self._began_at = None
            self._seconds.append(self._clock() - began_at)

    def stuck(self, least_seconds: float) -> bool:
        """Whether the present step has taken so long, and twenty times as long as steps do."""
        began_at, seconds = self._began_at, tuple(self._seconds)
        if began_at is None:
            return False
        usual = median(seconds) if seconds else 0.0
        return self._clock() - began_at > max(least_seconds, TIMES_AS_LONG * usual)
