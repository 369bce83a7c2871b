"""API keys in Redis: each record stands under the SHA-256 of its secret, which is kept nowhere.

Nothing is cached, so that a key that is revoked opens nothing from the same moment on, in every process.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any, cast

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import UNAVAILABLE, refusals_as_absence
from tasks.ledger.scripts import Scripts
from tasks.records.api_key import Key, digest, new_secret

SELDOM_SECONDS = 60.0
"""A key's last use is written down so often at most."""


class KeyStore:
    """Reads and writes keys. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._run = Scripts(client)

    def create(self, key: Key, *, expires_in: int | None = None) -> tuple[Key, str]:
        """Keep a new key: as it is kept, and its secret, which is told this once.

        Args:
            expires_in: seconds after which Redis forgets it; None is never.
        """
        secret = new_secret()
        seconds, micros = self._redis.time()
        now = seconds + micros / 1e6
        key = replace(key, created_at=now, expires_at=None if expires_in is None else now + expires_in)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(redis_keys.key(digest(secret)), mapping=cast("Any", key.encode()))
        if expires_in is not None:
            pipe.expire(redis_keys.key(digest(secret)), expires_in)
        pipe.hset(redis_keys.keys(), key.id, digest(secret))
        with refusals_as_absence():
            pipe.execute()
        return key, secret

    def find(self, secret: str) -> Key | None:
        """The key with this secret, if it is known; writes down that it was used, once a minute at most."""
        return self.find_by_digest(digest(secret))

    def find_by_digest(self, known: str) -> Key | None:
        """The same by what is kept of the secret, where somebody has proved before that they have it."""
        key = Key.decode(cast("dict[str, str]", self._redis.hgetall(redis_keys.key(known))))
        now = time.time()
        if key and now - (key.last_used_at or 0.0) > SELDOM_SECONDS:
            # A Redis that takes no writes just now still opens what only reads.
            with contextlib.suppress(*UNAVAILABLE):
                self._run("key_used", known, repr(now))
        return key

    def digest_of(self, key_id: str) -> str | None:
        """What is kept of a key's secret; None if there is no such key."""
        return cast("str | None", self._redis.hget(redis_keys.keys(), key_id))

    def all(self) -> list[Key]:
        """Every key, the oldest first. Those that Redis has forgotten by their time leave the list."""
        index = cast("dict[str, str]", self._redis.hgetall(redis_keys.keys()))
        pipe = self._redis.pipeline(transaction=False)
        for known in index.values():
            pipe.hgetall(redis_keys.key(known))
        records = dict(zip(index, pipe.execute(), strict=True))
        if gone := [key_id for key_id, fields in records.items() if not fields]:
            self._redis.hdel(redis_keys.keys(), *gone)
        found = [key for fields in records.values() if (key := Key.decode(fields))]
        return sorted(found, key=lambda key: key.created_at)

    def revoke(self, key_id: str) -> bool:
        """Forget a key; whether there was one."""
        known = self.digest_of(key_id)
        if known is None:
            return False
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(redis_keys.key(known))
        pipe.hdel(redis_keys.keys(), key_id)
        with refusals_as_absence():
            deleted, _ = pipe.execute()
        return bool(deleted)
