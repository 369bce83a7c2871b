"""Batches on the clerk's queue: a message for each that is to be worked on, and the task that works on it."""

from __future__ import annotations

import threading
import time

from tasks.batches.endpoints import Endpoints, Guarded
from tasks.batches.feeder import BatchLedger
from tasks.batches.hold import BatchContext
from tasks.batches.run import BatchRun
from tasks.batches.store import open_batches
from tasks.files.store import open_files
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.ledger.ledger import open_ledger
from tasks.logs import get_logger
from tasks.queue import task_names
from tasks.queue.dispatch import Dispatcher
from tasks.queue.poster import Poster
from tasks.queue.publisher import Publisher, create_publisher
from tasks.settings import Settings
from tasks.traces.tracer import Tracer

TIDY_SECONDS = 60.0
ORPHANS_SECONDS = 3600.0

log = get_logger(__name__)


class BatchPublisher:
    """Publishes batches that there is room for, and works on those that were published.

    A message that gets lost is published again; one that comes twice finds the batch held. Between two runs nothing
    of a batch is in any process.
    """

    def __init__(self, context: BatchContext, publisher: Publisher, *, name: str) -> None:
        self._context = context
        self._poster = Poster(publisher, context.store.post, task=task_names.RUN_BATCH, queue=task_names.BATCHES_QUEUE)
        self._name = name
        self._tidy_at = self._orphans_at = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop, and remove what has expired."""
        self._poster.run(stopping, also=self._tidy)

    def work(self, batch_id: str) -> None:
        """What the Celery task does: one run, if the batch is to be had."""
        try:
            batch = self._context.store.claim(batch_id, self._name)
        except UNAVAILABLE as exc:
            log.warning("batch left as it is; it is due again", batch_id=batch_id, error=str(exc))
            return
        if batch is not None:
            BatchRun(self._context, batch).run()

    def _tidy(self) -> None:
        now, removed = time.monotonic(), 0
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            removed = self._context.files.tidy() + self._context.store.tidy()
        if now >= self._orphans_at:
            self._orphans_at = now + ORPHANS_SECONDS
            removed += self._context.files.remove_orphans()
        if removed:
            log.info("old files and batches removed", count=removed)


def open_batch_publisher(
    settings: Settings,
    endpoints: Endpoints,
    *,
    name: str,
    stopping: threading.Event,
    tracer: Tracer | None = None,
) -> BatchPublisher:
    """A publisher with clients of its own. `stopping` ends the runs of its process."""
    client, ledger, publisher = connect(settings.ledger_url), open_ledger(settings), create_publisher(settings)
    work = BatchLedger(
        client,
        ledger.jobs,
        ledger.admission,
        open_batches(settings),
        Dispatcher(ledger.line, publisher),
        settings.max_queue,
        tracer.samples if tracer else None,
    )
    context = BatchContext(work, open_files(settings), Guarded(endpoints), settings.max_body_bytes, stopping)
    return BatchPublisher(context, publisher, name=name)
