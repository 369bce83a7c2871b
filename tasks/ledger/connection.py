"""Clients of the ledger's Redis. They retry nothing and wait two seconds at most: callers decide."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import parse_url
from redis.retry import Retry

from tasks.errors import BrokerUnavailable
from tasks.ledger.primary import Primary, PrimaryConnection, PrimaryTlsConnection
from tasks.urls import redis_socket, sentinels, server_url

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


class Tally(Protocol):
    """Something that counts; a counter of prometheus_client is one."""

    def inc(self) -> None:
        """One more."""


class RedisErrors:
    """How many calls of a process Redis did not carry out. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def inc(self) -> None:
        with self._lock:
            self.count += 1


class _Client(redis.Redis):
    """Counts the commands and scripts that fail because Redis is away, or refuses them."""

    errors: Tally | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (*UNAVAILABLE, redis.ResponseError) as exc:
            if self.errors and _is_counted(exc):
                self.errors.inc()
            raise

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        made = _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.errors = self.errors
        return made


class _Pipeline(Pipeline):
    """Counts each round trip that fails because Redis is away, or in which it refuses something."""

    errors: Tally | None = None

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            replies: list[Any] = super().execute(raise_on_error)
        except redis.RedisError as exc:
            self._count([exc])
            raise
        self._count(replies)
        return replies

    def _count(self, replies: Iterable[Any]) -> None:
        if self.errors and any(map(_is_counted, replies)):
            self.errors.inc()


def connect(url: str, *, errors: Tally | None = None) -> redis.Redis:
    """A client with its own pool; thread-safe. redis-py 8 would retry ten times, five seconds each, if let.

    Args:
        url: of a server, or of the sentinels that know which server is the primary: then it follows the primary.
        errors: is told of each call that fails because Redis is away, or refuses it.
    """
    others: dict[str, Any] = {} if redis_socket(url) else {"socket_keepalive": True}
    if sentinels(url):
        has_tls = urlsplit(server_url(url)).scheme == "rediss"
        kind = PrimaryTlsConnection if has_tls else PrimaryConnection
        others |= {"connection_class": kind, "primary": Primary(url)}
    pool = redis.BlockingConnectionPool.from_url(
        server_url(url),
        max_connections=MAX_CONNECTIONS,
        timeout=BUSY_SECONDS,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **others,
    )
    client = cast(_Client, _Client.from_pool(pool))
    client.errors = errors
    return client


OPTIONS = frozenset(
    {
        *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval", "client_name"),
        *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_cert_reqs"),
        *("ssl_check_hostname", "ssl_ciphers"),
    }
)
"""What may stand behind the question mark of a URL: what both the ledger's clients and Celery's understand."""
SOCKET_OPTIONS = frozenset({"db", "socket_timeout", "health_check_interval", "client_name"})
"""The same for a socket of this machine, whose database stands there as well."""


def takes_options(url: str) -> bool:
    """Whether what stands behind the question mark of a URL is known, and has values that redis-py takes."""
    try:
        known = SOCKET_OPTIONS if redis_socket(url) else OPTIONS
        if not known.issuperset(dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))):
            return False  # with `retry`, for one, redis-py makes no connection
        redis.ConnectionPool.from_url(server_url(url)).make_connection()  # connects later
        return True
    except (ValueError, TypeError, redis.RedisError):
        return False


def options(url: str) -> dict[str, Any]:
    """What stands behind the question mark of a URL, as redis-py reads it."""
    return {name: value for name, value in parse_url(server_url(url)).items() if name in OPTIONS}  # type: ignore[no-untyped-call]


REFUSALS = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY", "OOM", "READONLY")
"""How Redis says that it takes no writes just now; redis-py has no classes for these, or not in a script."""


def _is_counted(reply: Any) -> bool:
    return isinstance(reply, UNAVAILABLE) or is_refusal(reply)


def is_refusal(exc: Any) -> bool:
    """Whether Redis takes no writes just now, rather than that this one makes no sense."""
    return isinstance(exc, redis.ResponseError) and any(word in str(exc) for word in REFUSALS)


@contextmanager
def refusals_as_absence() -> Iterator[None]:
    """Turn the refusal of a write (a full disk, too few replicas, a long script) into one of `UNAVAILABLE`."""
    try:
        yield
    except redis.ResponseError as exc:
        if is_refusal(exc):
            raise redis.exceptions.ReadOnlyError(str(exc)) from exc
        raise


class TooFewReplicas(redis.ConnectionError):
    """Raised when Redis has taken something, and fewer replicas than are asked for have confirmed it."""


@contextmanager
def as_broker_errors() -> Iterator[None]:
    """Turn what redis-py raises while Redis is away into `BrokerUnavailable`."""
    try:
        yield
    except TooFewReplicas as exc:
        raise BrokerUnavailable(str(exc)) from exc
    except UNAVAILABLE as exc:
        raise BrokerUnavailable(
            "Redis does not answer. Try again; with an Idempotency-Key nothing runs twice."
        ) from exc
