"""Connections to whichever server of a group is its primary, by the word of its sentinels.

A connection asks the sentinels before each connect, and the server itself after it. While connections are open, a
thread asks once a second: as soon as another server is the primary, they are cut, and those who use them connect again.
Without it they would hear for some ten seconds of a planned failover from a server that is about to forget.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, parse_url
from redis.retry import Retry

from tasks.logs import get_logger
from tasks.urls import sentinels, server_url

SENTINEL_SECONDS = 0.5
"""So long at most one sentinel is waited for; then the next is asked."""
LOOK_SECONDS = 1.0

Address = tuple[str, int]

log = get_logger(__name__)


class SentinelLogin(redis.AuthenticationError):
    """Raised when a sentinel lets nobody in who comes so."""


class Primary:
    """The primary of a group of servers. Thread-safe, and usable on either side of a fork.

    Args:
        url: of sentinels, as `tasks.urls.sentinels` reads it.
    """

    def __init__(self, url: str) -> None:
        found = sentinels(url)
        assert found is not None
        self._group = found
        options = parse_url(server_url(url))  # type: ignore[no-untyped-call]
        has_tls = issubclass(options.get("connection_class", Connection), SSLConnection)
        self._tls = {name: value for name, value in options.items() if name.startswith("ssl_")} | {"ssl": has_tls}
        self._login = {name: options.get(name) for name in ("username", "password")}
        own = {"username": found.user, "password": found.password, **self._tls}
        self._clients = [_client(each, **own) for each in found.addresses]
        self._last: Address | None = None
        self._watches: dict[int, _Watch] = {}

    def __repr__(self) -> str:
        return f"<the primary of {self._group}>"

    def address(self) -> Address:
        """Where the primary is; where it was last, while no sentinel answers.

        Raises redis-py's ConnectionError if that is not known either, and `SentinelLogin`.
        """
        failures: list[Exception] = []
        for client in list(self._clients):
            try:
                self._last = self._asked(client)
            except (redis.RedisError, UnicodeError) as exc:
                failures.append(exc)
                self._put_last(client)
            else:
                return self._last
        if self._last is not None:
            return self._last
        told = f"no sentinel tells the primary of '{self._group.service}': {'; '.join(map(str, failures))}"
        raise SentinelLogin(told) if any(map(_is_refused, failures)) else redis.ConnectionError(told)

    def _asked(self, client: redis.Redis) -> Address:
        # MASTERS, which redis-py's own Sentinel asks, tells the old one until a failover is all over.
        found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._group.service)  # type: ignore[no-untyped-call]
        if not found:
            raise redis.ConnectionError(f"{_where(client)} watches no '{self._group.service}'")
        match found:
            case [str(host), str(port)] if port.isdecimal() and 0 < int(port) <= 65535:
                return host, int(port)
        raise redis.ConnectionError(f"{_where(client)} answers otherwise than a sentinel")

    def is_at(self, address: Address) -> bool:
        """Whether the server there says that it is a primary. Raises redis-py's errors."""
        with _client(address, **self._login, **self._tls) as client:
            return _is_primary(client.role())

    def doubt(self) -> None:
        """What was told leads to no primary: ask another sentinel next."""
        self._put_last(self._clients[0])

    def _put_last(self, client: redis.Redis) -> None:
        self._clients = [*(each for each in self._clients if each is not client), client]

    def watch(self, connection: FollowsPrimary) -> None:
        """Cut the connection once another server is the primary."""
        pid = os.getpid()
        watch = self._watches.get(pid) or self._watches.setdefault(pid, _Watch(self))
        watch.add(connection)


def _client(address: Address, **options: Any) -> redis.Redis:
    host, port = address
    return redis.Redis(
        host,
        port,
        socket_timeout=SENTINEL_SECONDS,
        socket_connect_timeout=SENTINEL_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
        **options,
    )


def _is_refused(exc: Exception) -> bool:
    return isinstance(exc, redis.AuthenticationError) or any(word in str(exc) for word in ("NOAUTH", "NOPERM"))


def _is_primary(role: Any) -> bool:
    return role[0] in ("master", b"master")


def _where(client: redis.Redis) -> str:
    options = client.connection_pool.connection_kwargs
    return f"{options['host']}:{options['port']}"


class FollowsPrimary(Connection):
    """A connection to the primary, wherever that is. Goes before a class of redis-py's connections."""

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        self._primary = primary
        super().__init__(**options)  # type: ignore[no-untyped-call]

    @property
    def address(self) -> Address:
        return self.host, self.port

    @property
    def is_open(self) -> bool:
        return self._sock is not None

    def cut(self) -> None:
        """Have whoever waits for an answer hear at once that there is none. May be called by any thread."""
        if (sock := self._sock) is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # an SSLSocket's own forgets what its reader needs

    def _connect(self) -> Any:
        self.host, self.port = self._primary.address()
        try:
            return super()._connect()  # type: ignore[no-untyped-call]
        except OSError:
            self._primary.doubt()
            raise

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        self.send_command("ROLE", check_health=False)  # type: ignore[no-untyped-call]
        if not _is_primary(self.read_response()):
            self._primary.doubt()
            raise redis.ConnectionError(f"{self.host}:{self.port} is not the primary")
        self._primary.watch(self)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """As redis-py's; a server that has become a replica is away, and this connection to it is closed."""
        try:
            return super().read_response(*args, **options)
        except redis.ResponseError as exc:
            if not isinstance(exc, redis.exceptions.ReadOnlyError) and "READONLY" not in str(exc):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError(f"{self.host}:{self.port} is no longer the primary") from exc


class PrimaryConnection(FollowsPrimary, Connection):
    """Over TCP."""


class PrimaryTlsConnection(FollowsPrimary, SSLConnection):
    """Over TLS."""


class _Watch:
    """The open connections of one process, and the thread that looks whether their server is still the primary."""

    def __init__(self, primary: Primary) -> None:
        self._primary = primary
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[FollowsPrimary] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, connection: FollowsPrimary) -> None:
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="primary", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._has_open():
            time.sleep(LOOK_SECONDS)
            with suppress(Exception):  # whatever it is: without this thread a failover would be heard of late
                self._look()

    def _has_open(self) -> bool:
        """Whether there is something to watch; if not, this thread ends, and the next connection starts another."""
        with self._lock:
            if not any(connection.is_open for connection in self._connections):
                self._thread = None
            return self._thread is not None

    def _look(self) -> None:
        there = self._primary.address()
        with self._lock:
            elsewhere = [each for each in self._connections if each.is_open and each.address != there]
        if elsewhere and self._primary.is_at(there):
            log.warning("another redis is the primary now", address=f"{there[0]}:{there[1]}")
            for connection in elsewhere:
                connection.cut()
