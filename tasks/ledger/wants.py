"""What is wanted of models, for whoever starts their workers: load one, unload one, read models.yaml again."""

from __future__ import annotations

import time
from typing import Literal

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence

ASKED_SECONDS = 60
"""So long a wish for a model stands; whoever starts workers looks every second."""


class Wants:
    """Writes them down. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def announce_reload(self) -> None:
        """Have all processes read their models files again."""
        with refusals_as_absence():
            self._redis.incr(redis_keys.reloads())

    def want(self, model: str, seconds: float) -> None:
        """Have it known for so long that a model is wanted: whoever starts workers sees it."""
        with refusals_as_absence():
            pipe = self._redis.pipeline()
            pipe.sadd(redis_keys.wanted(model), "1")
            pipe.pexpire(redis_keys.wanted(model), max(1, round(seconds * 1000)))
            pipe.execute()

    def load(self, model: str, seconds: float) -> None:
        """The same for a model that somebody asks for by name: idle ones make room for it."""
        self.want(model, seconds)
        self._ask(model, "load")

    def unload(self, model: str) -> None:
        """Have it known that a model shall be unloaded. It is not wanted any more, until a job comes for it."""
        with refusals_as_absence():
            self._redis.delete(redis_keys.wanted(model))
        self._ask(model, "unload")

    def _ask(self, model: str, wish: Literal["load", "unload"]) -> None:
        with refusals_as_absence():
            self._redis.set(redis_keys.asked(model), f"{wish} {time.time():.6f}", ex=ASKED_SECONDS)
