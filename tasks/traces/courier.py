"""From the ledger's transitions to the collector, on a thread of a process that exports traces.

Each of them has one: whichever comes first takes what is there, so no process must live for a job's trace to be whole.
"""

from __future__ import annotations

import threading

import redis

from tasks.ledger import traced
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.logs import get_logger
from tasks.settings import Settings
from tasks.traces.tracer import Tracer
from tasks.traces.transitions import spans_of

INTERVAL_SECONDS = 1.0
STROKES = 20
"""So often it takes at once: the exporter's queue has an end."""

log = get_logger(__name__)


class Courier:
    """Takes transitions, and has their spans exported."""

    def __init__(self, client: redis.Redis, tracer: Tracer) -> None:
        self._client = client
        self._tracer = tracer

    def tick(self) -> None:
        """Take what is there, up to some thousand. Raises redis-py's errors when Redis is away."""
        for _ in range(STROKES):
            noted = traced.take(self._client)
            for each in noted:
                self._export(each)
            if len(noted) < traced.TAKEN_AT_ONCE:
                return

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop, through any absence of Redis, which others tell of."""
        while not stopping.wait(INTERVAL_SECONDS):
            try:
                self.tick()
            except UNAVAILABLE as exc:
                log.debug("transitions are not taken", error=str(exc))

    def _export(self, noted: traced.Noted) -> None:
        try:
            self._tracer.emit(spans_of(noted))
        except Exception:  # of another release: the others are told of all the same
            log.exception("a transition is not traced", job_id=noted.get("id"))


def start_courier(settings: Settings, tracer: Tracer, stopping: threading.Event | None = None) -> threading.Thread:
    """A courier with a client and a thread of its own, as long as the process lives if it is not told to stop."""
    courier = Courier(connect(settings.ledger_url), tracer)
    run = threading.Thread(target=courier.run, args=(stopping or threading.Event(),), name="courier", daemon=True)
    run.start()
    return run
