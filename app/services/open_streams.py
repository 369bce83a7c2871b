"""Responses that this process holds open: each counts in Redis for its owner while it lives, and no longer.

An entry counts for `LEASE_SECONDS`. A thread renews those of its process, so those of a process that was killed are
gone after as many seconds; a reader who takes nothing, and so holds up its response, counts all the same.
"""

from __future__ import annotations

import contextlib
import threading

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import UNAVAILABLE, refusals_as_absence
from tasks.ledger.scripts import Scripts
from tasks.logs import get_logger

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
AT_ONCE = 500
"""Entries that one script renews."""

log = get_logger(__name__)


class OpenStreams:
    """Knows the open streams of this process. Thread-safe."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._run = Scripts(client)
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def begin(self, stream_id: str, owner: str) -> None:
        """Renew a stream, which counts already, until it ends."""
        with self._lock:
            self._owners[stream_id] = owner
            if self._thread is None or not self._thread.is_alive():  # one started earlier would not survive a fork
                self._thread = threading.Thread(target=self._renew_all, name="open-streams", daemon=True)
                self._thread.start()

    def end(self, stream_id: str) -> None:
        """A stream counts no more. A second call does nothing; while Redis is away, the entry lapses by itself."""
        with self._lock:
            owner = self._owners.pop(stream_id, None)
        if owner is not None:
            self._forget(stream_id, owner)

    def _forget(self, stream_id: str, owner: str) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.zrem(redis_keys.streams(owner), stream_id)
        pipe.zrem(redis_keys.all_streams(), stream_id)
        with contextlib.suppress(*UNAVAILABLE), refusals_as_absence():
            pipe.execute()

    def renew(self) -> int:
        """Have all streams of this process count for another lease; how many there are."""
        with self._lock:
            pairs = list(self._owners.items())
        for begin in range(0, len(pairs), AT_ONCE):
            some = pairs[begin : begin + AT_ONCE]
            self._run(
                "streams_renew", LEASE_SECONDS, *(part for stream_id, owner in some for part in (owner, stream_id))
            )
        for stream_id, owner in pairs:
            if stream_id not in self._owners:  # it ended meanwhile, maybe before it was renewed
                self._forget(stream_id, owner)
        return len(pairs)

    def close(self) -> None:
        """Renew no more."""
        self._closed.set()

    def _renew_all(self) -> None:
        """Until nothing is open; the next stream begins another thread."""
        while not self._closed.wait(RENEW_SECONDS):
            try:
                self.renew()
            except UNAVAILABLE as exc:
                log.warning("open streams not renewed", error=str(exc))
            with self._lock:
                if not self._owners:
                    self._thread = None
                    return
