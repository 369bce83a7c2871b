"""A clerk's hold on a batch: its lease, what is asked of it meanwhile, and when others are to have their turn."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from tasks.batches.batch import Batch, BatchStatus
from tasks.batches.endpoints import Endpoints
from tasks.batches.feeder import BatchLedger
from tasks.batches.store import BatchControl, BatchStore
from tasks.batches.writer import Lost
from tasks.files.store import FileStore
from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger

TURN_SECONDS = 30.0
"""How long a batch is worked on while others wait for their turn."""
BEAT_SECONDS = 0.5

log = get_logger(__name__)


class PutBack(Exception):
    """Raised when the batch is to be put back into the line."""


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What runs work with. `stopping` is set when the clerk is to stop; `longest` is of a line, in bytes."""

    ledger: BatchLedger
    files: FileStore
    endpoints: Endpoints
    longest: int
    stopping: threading.Event

    @property
    def store(self) -> BatchStore:
        return self.ledger.batches


class Hold:
    """Extends the lease of one batch. `control` is what was asked of it last."""

    def __init__(self, context: BatchContext) -> None:
        self._context = context
        self._began = time.monotonic()
        self._beat_at = 0.0
        self.control: BatchControl | None = None

    @property
    def is_cancelling(self) -> bool:
        return bool(self.control and self.control.status is BatchStatus.CANCELLING)

    def beat(self, batch: Batch) -> BatchControl | None:
        """Extend the lease, and look what is asked; None while Redis is away. Raises Lost or PutBack."""
        now = time.monotonic()
        if now >= self._beat_at:
            try:
                control = self._context.store.extend(batch)
            except UNAVAILABLE as exc:
                log.warning("batch waits for Redis", batch_id=batch.id, error=str(exc))
                return None
            if control is None:
                raise Lost
            self.control, self._beat_at = control, now + BEAT_SECONDS
        if self._context.stopping.is_set():
            raise PutBack
        if self.control and self.control.waiting and now - self._began > TURN_SECONDS:
            raise PutBack
        return self.control
