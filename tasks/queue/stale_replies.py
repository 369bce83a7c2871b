"""Sweeping the broker's database: answers to Celery's remote control that nobody will read."""

from __future__ import annotations

import time

import redis

REPLIES = "*.reply.celery.pidbox"
INTERVAL_SECONDS = 60.0
IDLE_SECONDS = 60
"""Whoever asks (Flower does, for each worker) reads the answers within seconds, or has died."""


class Janitor:
    """Deletes what is left of remote control, once a minute."""

    def __init__(self, broker: redis.Redis, *, idle_seconds: int = IDLE_SECONDS) -> None:
        self._broker = broker
        self._idle_seconds = idle_seconds
        self._next_at = 0.0

    def tick(self) -> int:
        """Look, if it is time to; how many were deleted."""
        now = time.monotonic()
        if now < self._next_at:
            return 0
        self._next_at = now + INTERVAL_SECONDS
        left = [key for key in self._broker.scan_iter(REPLIES, count=1000) if self._idle(key)]
        return int(self._broker.delete(*left)) if left else 0

    def _idle(self, key: str) -> bool:
        """Whether a list has not been touched for long; one that is gone by now is not there to be deleted."""
        seconds = self._broker.object("IDLETIME", key)
        return seconds is not None and int(seconds) >= self._idle_seconds
