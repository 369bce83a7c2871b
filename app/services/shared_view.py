"""What many viewers look at: made once a second, whoever asks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from tasks.errors import BrokerUnavailable
from tasks.ledger.connection import UNAVAILABLE

T = TypeVar("T")

SECONDS = 1.0


class SharedView(Generic[T]):
    """Keeps what was made for a second. Thread-safe; while one thread makes it, the others wait for that.

    That Redis is away is kept as well: else each viewer would wait for it in turn.
    """

    def __init__(self, make: Callable[[], T], *, seconds: float = SECONDS) -> None:
        self._make, self._seconds = make, seconds
        self._lock = threading.Lock()
        self._made: T | None = None
        self._made_at = -math.inf

    def get(self) -> T:
        """What was made a second ago at most; raises BrokerUnavailable if Redis did not answer then."""
        with self._lock:
            if time.monotonic() - self._made_at >= self._seconds:
                self._made = self._try()
                self._made_at = time.monotonic()
            if self._made is None:
                raise BrokerUnavailable("Redis does not answer. Try again.")
            return self._made

    def _try(self) -> T | None:
        try:
            return self._make()
        except UNAVAILABLE:
            return None
