"""Whether a database of Redis can be used: a value is written, read and removed again."""

from __future__ import annotations

import secrets

import redis

from tasks.ledger import redis_keys

PROBE_SECONDS = 10
"""A value that could not be removed again goes by itself."""


def written_and_read(client: redis.Redis) -> bool:
    """Whether what is written is there to be read. Raises redis-py's errors."""
    key, value = redis_keys.probe(secrets.token_hex(8)), secrets.token_hex(8)
    client.set(key, value, ex=PROBE_SECONDS)
    read = client.get(key)
    client.delete(key)
    return bool(read == value)
