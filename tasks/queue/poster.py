"""Messages for what is due in a queue of its own: batches, and webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger
from tasks.queue.publisher import Publisher

INTERVAL_SECONDS = 0.5

log = get_logger(__name__)


class Poster:
    """Publishes what is due and has room. A message that gets lost is published again: its lease runs out."""

    def __init__(self, publisher: Publisher, take: Callable[[], Iterable[str]], *, task: str, queue: str) -> None:
        """`take` chooses what is due, as the ids that go into messages."""
        self._publisher = publisher
        self._take = take
        self._task = task
        self._queue = queue

    def post(self) -> None:
        """Publish what is due and there is room for. Raises redis-py's errors when Redis is away."""
        for each in self._take():
            if not self._publisher.publish(self._task, each, queue=self._queue):
                return

    def run(self, stopping: threading.Event, *, also: Callable[[], None] = lambda: None) -> None:
        """Post until told to stop, through any absence of Redis; each time do something else `also`."""
        while not stopping.wait(INTERVAL_SECONDS):
            try:
                self.post()
                also()
            except UNAVAILABLE as exc:
                log.warning("messages put off", queue=self._queue, error=str(exc))
            except Exception:  # whatever it is, it must not hold up all others
                log.exception("messages not posted", queue=self._queue)
