"""Mending what died: one process at a time sweeps the ledger, whichever holds the lock.

Workers, the clerk and the web processes all sweep, so that whatever is left of a cluster does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.ledger.ledger import open_ledger
from tasks.ledger.line import SWEPT_AT_ONCE, Line
from tasks.logs import get_logger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.heartbeat import Heartbeat
from tasks.queue.publisher import create_publisher
from tasks.queue.stale_replies import Janitor
from tasks.queue.strays import Strays
from tasks.settings import Settings

LEADER_SECONDS = 3
INTERVAL_SECONDS = 1.0
STROKES = 100
QUIET_SECONDS = 4.0
"""After an absence of Redis: leases ran out meanwhile, and a worker that lives extends them within a second or two."""

log = get_logger(__name__)


class Models(Protocol):
    """The catalogue of this process, as far as the sweep knows it."""

    @property
    def served(self) -> Sequence[str]:
        """The names of models whose jobs are swept."""

    def look_at_copy(self) -> None:
        """Notice what another process has accepted."""

    def look(self, asked: str) -> None:
        """Notice, by the counter of reloads, that the file is to be read again."""


class Sweeper:
    """Sweeps every model once a second while its process leads."""

    def __init__(
        self,
        line: Line,
        dispatcher: Dispatcher,
        janitor: Janitor,
        *,
        name: str,
        models: Models,
        strays: Strays,
    ) -> None:
        self._line = line
        self._strays = strays
        self._dispatcher = dispatcher
        self._janitor = janitor
        self._name = name
        self._models = models
        self._quiet_until = 0.0

    def tick(self) -> None:
        """Sweep if this process leads, and if Redis has been there long enough for workers to extend their leases.

        Whether it leads or not, it notices here that the catalogue is to be read again.
        """
        self._models.look_at_copy()
        try:
            leads, reloads = self._line.lead(self._name, LEADER_SECONDS)
            self._models.look(reloads)
            if leads and time.monotonic() >= self._quiet_until:
                _while_more(self._line.tidy)
                _while_more(self._line.thin)
                for model in self._models.served:
                    _while_more(lambda model=model: self._sweep(model))  # type: ignore[misc]
                    self._dispatcher.dispatch_all(model)
                self._strays.tick(self._dispatcher.publish)
        except UNAVAILABLE:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            raise
        self._janitor.tick()

    def start(self, stopping: threading.Event, heartbeat: Heartbeat | None = None) -> threading.Thread:
        """`run` on a thread of its own."""
        thread = threading.Thread(target=self.run, args=(stopping, heartbeat), name="sweeper", daemon=True)
        thread.start()
        return thread

    def run(self, stopping: threading.Event, heartbeat: Heartbeat | None = None) -> None:
        """Sweep until told to stop, through any absence of Redis; the heartbeat is the process's whose work this is."""
        is_away = False
        while not stopping.wait(INTERVAL_SECONDS):
            if heartbeat:
                heartbeat.beat()
            try:
                self.tick()
                if is_away:
                    log.warning("redis answers again")
                is_away = False
            except UNAVAILABLE as exc:
                is_away = True
                log.warning("sweep put off", error=str(exc))
            except Exception:  # whatever it is, other processes would meet it as well, and leases must not go unseen
                log.exception("sweep failed")

    def _sweep(self, model: str) -> int:
        swept = self._line.sweep(model)
        if swept.reclaimed or swept.unclaimed or swept.ended:
            log.info("swept", model=model, reclaimed=swept.reclaimed, unclaimed=swept.unclaimed, ended=len(swept.ended))
        for job_id in swept.ended:
            log.info("job ended by the sweep", job_id=job_id, model=model)
            # No worker announced their end; the one that receives the message does, so that Flower knows of it.
            self._dispatcher.publish(job_id, model)
        return swept.most


def _while_more(sweep: Callable[[], int]) -> None:
    """Sweep in strokes that Redis does not notice, some thousand jobs at most: the rest waits for the next tick."""
    for _ in range(STROKES):
        if sweep() < SWEPT_AT_ONCE:
            return


def open_sweeper(settings: Settings, *, name: str, models: Models) -> Sweeper:
    """A sweeper with clients of its own, which keeps the catalogue current. `name` must be this process's alone."""
    ledger = open_ledger(settings)
    line = ledger.line
    return Sweeper(
        line,
        Dispatcher(line, create_publisher(settings)),
        Janitor(connect(settings.celery_broker_url)),
        name=name,
        models=models,
        strays=Strays(line, ledger.missing, models=lambda: models.served, seconds=settings.missing_model_seconds),
    )
