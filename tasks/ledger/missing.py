"""Which models have jobs and are not in the catalogue, and since when."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import redis

from tasks.ledger import redis_keys


class Missing:
    """Reads and writes the ledger. Raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def models(self, catalogue: Collection[str]) -> list[str]:
        """Models with jobs that have not ended, beside those of a catalogue, by name."""
        others = sorted(cast("set[str]", self._redis.smembers(redis_keys.models())) - set(catalogue))
        pipe = self._redis.pipeline(transaction=False)
        for model in others:
            pipe.exists(redis_keys.pending(model))
        return [model for model, has_jobs in zip(others, pipe.execute(), strict=True) if has_jobs]

    def note(self, catalogue: Collection[str]) -> dict[str, tuple[int, float]]:
        """Write down that they are missing: how many jobs each has, and for how many seconds it has been missing.

        A model that is in the catalogue again, or has no jobs any more, is not missing any more.
        """
        found, key = self.models(catalogue), redis_keys.missing()
        seconds, micros = self._redis.time()
        now = seconds + micros / 1e6
        pipe = self._redis.pipeline(transaction=False)
        for model in found:
            pipe.hsetnx(key, model, repr(now))
            pipe.zcard(redis_keys.pending(model))
        pipe.hgetall(key)
        *rows, since = pipe.execute()
        if gone := set(since) - set(found):
            self._redis.hdel(key, *gone)
        return {
            model: (num_jobs, max(0.0, now - float(since.get(model, now))))
            for model, num_jobs in zip(found, rows[1::2], strict=True)
        }
