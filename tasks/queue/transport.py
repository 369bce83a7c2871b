"""Kombu's Redis transport, as far as the ledger needs one: messages are hints, and none is kept.

While its memory is full, Redis refuses most writes, and all that is asked within MULTI. Messages lead to jobs' ends,
and so to memory being freed: they are sent even then, by scripts that begin with a write which needs no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from queue import Empty
from typing import Any

from kombu.transport import redis
from kombu.utils.json import dumps
from redis.connection import SSLConnection
from redis.exceptions import ResponseError

from tasks.ledger import redis_keys
from tasks.ledger.primary import FollowsPrimary, Primary, PrimaryConnection
from tasks.logs import get_logger

FIRST_WRITE = f"redis.call('DEL', '{redis_keys.nothing()}') "
"""What stands before kombu's own script as well, and before two lines that are sent whole with every message."""
EVEN_IF_FULL = FIRST_WRITE + "for _, key in ipairs(KEYS) do redis.call('{}', key, unpack(ARGV)) end"

log = get_logger(__name__)


class TlsConnection(SSLConnection):
    """Waits for a greeting of TLS as long as for a connection: a server that speaks none would never answer.

    redis-py 7 waits without limit where reading has none.
    """

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        sock.settimeout(self.socket_connect_timeout)
        wrapped = super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        wrapped.settimeout(self.socket_timeout)
        return wrapped


class PrimaryTlsConnection(FollowsPrimary, TlsConnection):
    """Over TLS, to whichever server is the primary."""


class Channel(redis.Channel):
    """Keeps no list of unacknowledged messages, and gives none back: the ledger publishes what nobody claimed again."""

    ack_emulation = False
    do_restore = False
    _captured: list[Any] | None = None
    connection_class_ssl: type[TlsConnection] = TlsConnection
    from_transport_options = (*redis.Channel.from_transport_options, "primary")
    primary: Primary | None = None
    """Whom connections ask for their server; without one it is the server of the URL."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.primary is None:
            made: dict[str, Any] = super()._connparams(asynchronous)
            return made
        self.connection_class, self.connection_class_ssl = PrimaryConnection, PrimaryTlsConnection
        return {**super()._connparams(asynchronous), "primary": self.primary}

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        if queue in self._expires or "_publish_batch" in kwargs:
            super()._put(queue, message, **kwargs)
            return
        if self._captured is not None:
            self._captured.append(message)
            return
        self.put_all(queue, [dumps(message)], priority=self._get_message_priority(message, reverse=False))

    def put_all(self, queue: str, messages: Sequence[str], *, priority: int = 0) -> None:
        """Put messages, as JSON, on a queue in one round trip."""
        with self.conn_or_acquire() as client:
            client.eval(EVEN_IF_FULL.format("LPUSH"), 1, self._q_for_pri(queue, priority), *messages)

    @contextmanager
    def capture(self) -> Iterator[list[Any]]:
        """Messages that are published meanwhile, which go nowhere."""
        captured: list[Any] = []
        self._captured = captured
        try:
            yield captured
        finally:
            self._captured = None

    def _size(self, queue: str) -> int:
        with self.conn_or_acquire() as client:
            return sum(client.llen(self._q_for_pri(queue, step)) for step in self.priority_steps)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        if queue in self._expires:  # its script is below
            super()._queue_bind(exchange, routing_key, pattern, queue)
            return
        if self.typeof(exchange).type == "fanout":
            self._fanout_queues[queue] = (exchange, routing_key.replace("#", "*"))
        binding = self.sep.join([routing_key or "", pattern or "", queue or ""])
        keys = (self.keyprefix_queue % (exchange,), self.keyprefix_binding_permanent % (exchange,))
        with self.conn_or_acquire() as client:
            client.eval(EVEN_IF_FULL.format("SADD"), len(keys), *keys, binding)

    @cached_property
    def _refresh_binding(self) -> Any:
        return self._create_client().register_script(FIRST_WRITE + redis.REFRESH_BINDING)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, AttributeError) as exc:
            log.warning("an entry of the broker's list is no message; dropped", error=str(exc))
            raise Empty from exc


class Transport(redis.Transport):
    """Takes a refusal (a full disk, too few replicas, a demoted primary) for an absence, and connects again."""

    Channel = Channel

    connection_errors = (*redis.Transport.connection_errors, ResponseError)
