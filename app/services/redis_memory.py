"""How much memory Redis may use, of which owners have shares."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from typing import cast

import redis

from tasks.ledger.connection import UNAVAILABLE

AGAIN_SECONDS = 60.0


class RedisMemory:
    """Asks Redis once a minute."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._most: int | None = None
        self._asked_at = -math.inf

    def most(self) -> int | None:
        """Bytes that Redis may use: its `maxmemory`, or else half of its machine's memory. None if it does not tell.

        While Redis is away, it is what it told last.
        """
        if time.monotonic() - self._asked_at > AGAIN_SECONDS:
            self._asked_at = time.monotonic()
            with contextlib.suppress(*UNAVAILABLE, redis.ResponseError):
                told = cast("Mapping[str, int]", self._redis.info("memory"))
                self._most = told.get("maxmemory") or told.get("total_system_memory", 0) // 2 or None
        return self._most
