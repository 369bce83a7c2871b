"""Clients of the ledger's Redis. They retry nothing and wait two seconds at most: callers decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.errors import BrokerUnavailable

TIMEOUT_SECONDS = 2.0
MAX_CONNECTIONS = 64
"""Connections of one client; whoever finds all of them busy waits for one."""
BUSY_SECONDS = 0.9
"""So long at most: with the answer's two seconds, whoever asks the front is told within three."""

UNAVAILABLE = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
)
"""What redis-py raises while Redis is away, starting, no longer the primary, or out of memory."""


def connect(url: str) -> redis.Redis:
    """A client with its own pool; thread-safe. redis-py 8 would retry ten times, five seconds each, if let."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=BUSY_SECONDS,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return redis.Redis.from_pool(pool)


REFUSALS = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY", "OOM")
"""How Redis says that it takes no writes just now; redis-py has no classes for these, or not in a script."""


@contextmanager
def refusals_as_absence() -> Iterator[None]:
    """Turn the refusal of a write (a full disk, too few replicas, a long script) into one of `UNAVAILABLE`."""
    try:
        yield
    except redis.ResponseError as exc:
        if any(word in str(exc) for word in REFUSALS):
            raise redis.exceptions.ReadOnlyError(str(exc)) from exc
        raise


@contextmanager
def as_broker_errors() -> Iterator[None]:
    """Turn what redis-py raises while Redis is away into `BrokerUnavailable`."""
    try:
        yield
    except UNAVAILABLE as exc:
        raise BrokerUnavailable(
            "The queue does not answer just now. Try again; with an Idempotency-Key nothing runs twice."
        ) from exc
