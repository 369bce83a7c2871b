"""One pub/sub connection a process, fanned out to everyone who follows a job."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger
from tasks.records.event import Event, decode_message

BACKLOG = 1000
"""Messages a slow reader may be behind; after that it reads from the stream again."""
CONFIRM_SECONDS = 2.0
PAUSE_SECONDS = 0.5
LISTEN_SECONDS = 1.0
"""After so long without a message it is seen whether the hub was closed."""
_OWN_CHANNEL = redis_keys.hub_channel()

log = get_logger(__name__)


class Missed(Exception):
    """Raised when messages may have been missed: what the reader needs is in the stream."""


class Subscription:
    """One reader's ear on one channel of a job."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[list[Event]] = SimpleQueue()
        self._has_missed = False
        self.confirmed = threading.Event()

    def get(self, timeout_seconds: float) -> list[Event]:
        """The events of the next message; none if it stays silent so long. Raises `Missed`."""
        try:
            events = self._messages.get(timeout=timeout_seconds)
        except Empty:
            events = []
        if self._has_missed:
            self._has_missed = False
            raise Missed
        return events

    def ring(self, events: list[Event]) -> None:
        if self._messages.qsize() < BACKLOG:
            self._messages.put(events)
        else:
            self.miss()

    def miss(self) -> None:
        """Have the reader look into the stream, at once."""
        self._has_missed = True
        while True:
            try:
                self._messages.get_nowait()
            except Empty:
                break
        self._messages.put([])


class StreamHub:
    """Listens to the channels of all jobs that this process follows.

    redis-py's `PubSub` may not be shared between threads, so the hub stands on its connection: readers send SUBSCRIBE
    under a lock, one thread receives, and only that thread connects again when the connection breaks.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._lock = threading.Lock()
        self._readers: dict[str, set[Subscription]] = defaultdict(set)
        self._connection: Any = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    @contextmanager
    def subscribe(self, channel: str) -> Iterator[Subscription]:
        """Listen to a channel of events. Confirmed when this returns, unless Redis is away; then the reader is told
        later."""
        subscription = Subscription()
        with self._lock:
            self._start()
            self._readers[channel].add(subscription)
            self._send("SUBSCRIBE", channel)
        try:
            subscription.confirmed.wait(CONFIRM_SECONDS)
            yield subscription
        finally:
            with self._lock:
                self._readers[channel].discard(subscription)
                if not self._readers[channel]:
                    del self._readers[channel]
                    self._send("UNSUBSCRIBE", channel)

    def close(self) -> None:
        """Stop listening, within a second."""
        self._closed.set()

    def _start(self) -> None:
        """Begin listening with the first reader: a thread started earlier would not survive a fork."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="stream-hub", daemon=True)
            self._thread.start()

    def _send(self, *command: str) -> None:
        """Under the lock. A failure is left to the listening thread, which sees it as well."""
        if self._connection is not None:
            try:
                self._connection.send_command(*command, check_health=False)
            except UNAVAILABLE:
                self._connection = None

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._serve(self._pool.connection_class(**self._pool.connection_kwargs))
            except Exception as exc:  # without this thread every stream would be silent
                log.warning("streams wait for redis", error=str(exc))
                self._closed.wait(PAUSE_SECONDS)

    def _serve(self, connection: Any) -> None:
        try:
            self._open(connection)
            while self._connection is connection and not self._closed.is_set():
                with suppress(redis.TimeoutError):
                    self._receive(connection.read_response(timeout=LISTEN_SECONDS, disconnect_on_error=False))
        finally:
            self._connection = None
            connection.disconnect()

    def _open(self, connection: Any) -> None:
        """Listen to every followed channel; whatever was said meanwhile is in the streams."""
        connection.connect()
        with self._lock:
            channels = list(self._readers)
            connection.send_command("SUBSCRIBE", _OWN_CHANNEL, *channels, check_health=False)
            self._connection = connection
            for readers in self._readers.values():
                for subscription in readers:
                    subscription.miss()

    def _receive(self, message: list[Any]) -> None:
        kind, channel, payload = message
        with self._lock:
            readers = list(self._readers.get(channel, ()))
        if kind == "subscribe":
            for subscription in readers:
                subscription.confirmed.set()
        elif kind == "message" and readers:
            events = decode_message(payload)
            for subscription in readers:
                subscription.ring(events)
