"""Clients of the ledger's Redis. They retry nothing and wait two seconds at most: callers decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.errors import BrokerUnavailable

TIMEOUT_SECONDS = 2.0

UNAVAILABLE = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,
)
"""What redis-py raises while Redis is away, starting, or no longer the primary."""


def connect(url: str) -> redis.Redis:
    """A client with its own pool; thread-safe. redis-py 8 would retry ten times, five seconds each, if let."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


@contextmanager
def as_broker_errors() -> Iterator[None]:
    """Turn what redis-py raises while Redis is away into `BrokerUnavailable`."""
    try:
        yield
    except UNAVAILABLE as exc:
        raise BrokerUnavailable("The queue does not answer just now; nothing was accepted. Try again.") from exc
