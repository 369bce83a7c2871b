"""What keys use a minute, counted in Redis by `limits`, whose windows slide on the clock of Redis."""

from __future__ import annotations

import redis
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from app.services.rate_window import Window
from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence


class Rates:
    """Raises redis-py's errors while Redis is away: what cannot be counted is not let through."""

    def __init__(self, client: redis.Redis) -> None:
        self._storage = RedisStorage("redis://", connection_pool=client.connection_pool, key_prefix=redis_keys.rates())
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    def take(self, kind: str, key_id: str, *, limit: int, cost: int) -> tuple[bool, Window]:
        """Use so much of a limit of some kind, if there is so much; whether there was, and what is left."""
        item = RateLimitItemPerMinute(limit, namespace=kind)
        with refusals_as_absence():
            taken = self._limiter.hit(item, key_id, cost=cost)
            used = self._storage.get_sliding_window(item.key_for(key_id), item.get_expiry())
        previous, previous_left, current, current_left = used
        return taken, Window(
            limit=limit,
            previous=previous,
            previous_left=previous_left,
            current=current,
            current_left=current_left,
        )
