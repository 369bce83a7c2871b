"""A worker from its start to its end: the parent process, and what it hands to the one that serves."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict

from kombu import pools

from tasks.environment import require_login
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.ledger.line import Swept
from tasks.ledger.workers import Found
from tasks.logs import get_logger
from tasks.models.catalogue import load
from tasks.models.current import open_catalogue
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.settings import Settings
from tasks.worker.child import Progress
from tasks.worker.death import Death
from tasks.worker.loading import files_sign, preload
from tasks.worker.parent import Parent
from tasks.worker.serving import load_proven, serve
from tasks.worker.start import Start
from tasks.worker.stop_flag import StopFlag
from tasks.worker.until_redis_answers import UntilRedisAnswers

REPORTS_MISSED = 3
"""So many reports of a start may be missed before it is forgotten."""

log = get_logger(__name__)


def run_worker(settings: Settings, *, model: str, name: str) -> int:
    """Serve one model until told to stop; the exit status.

    This process only looks after the one that serves: the jobs of an earlier process of this name are given back first,
    then the model is loaded and proven, and only then are messages consumed.

    Raises:
        CatalogueError: the catalogue cannot be read.
        ModelNotFound: it has no such model.
        SettingsError: Redis refuses the password when it is first reached.
    """
    models = open_catalogue(settings)
    entry = models.entry(model)
    preload(entry)
    client = connect(settings.ledger_url)
    ledger, stopping = open_ledger(settings, client), StopFlag()
    until_redis_answers = UntilRedisAnswers(stopping)
    unannounced: list[str] = []

    def release(death: Death | None) -> None:
        if death is None:
            until_redis_answers(lambda: require_login(settings))
        released = until_redis_answers(lambda: _release(ledger, model, name, death))
        if released and released.reclaimed:
            unannounced.extend(released.ended)
            _hand_on(settings, ledger, model)
        client.connection_pool.disconnect()  # what is forked must not share our connections

    def report(start: Start) -> None:
        seconds = REPORTS_MISSED * settings.lease_seconds
        with suppress(*UNAVAILABLE):
            ledger.workers.report_start(model, name, asdict(start), seconds)
            if start.state != "failed":
                ledger.workers.keep_wanted(model, max(seconds, entry.keep_alive), loaded=False)

    def ready() -> None:
        unannounced.clear()
        with suppress(*UNAVAILABLE):
            ledger.workers.keep_wanted(model, entry.keep_alive, loaded=True)

    def forked(progress: Progress) -> int:
        return serve(settings, models, entry, model=model, name=name, progress=progress, unannounced=unannounced)

    parent = Parent(
        serve=forked,
        release=release,
        report=report,
        on_ready=ready,
        report_seconds=settings.lease_seconds,
        stuck_seconds=settings.stuck_seconds,
        stopping=stopping,
        sign=lambda: files_sign(entry),
    )
    try:
        return parent.run()
    finally:
        with suppress(*UNAVAILABLE):
            ledger.workers.forget_start(model, name)


def prove_model(settings: Settings, *, model: str) -> Start:
    """Load and prove a model in a process of its own, without Redis: ``ready``, or ``failed`` with the reason.

    Raises `CatalogueError` or `ModelNotFound`.
    """
    entry = load(settings.models_file).find(model)

    def forked(progress: Progress) -> int:
        work = load_proven(entry, settings, progress)
        if work is not None:
            progress.ready(processor=work.processor)
        return 0

    parent = Parent(
        serve=forked,
        release=lambda _: None,
        report=lambda _: None,
        on_ready=lambda: None,
        report_seconds=math.inf,
        stuck_seconds=settings.stuck_seconds,
        stopping=StopFlag(),
    )
    return parent.run_once()


def _release(ledger: Ledger, model: str, name: str, death: Death | None) -> Swept:
    """Give back what died with the last process of this name."""
    reason: Found = "worker_restarted" if death is None else "crashed" if death.own else "killed"
    released = ledger.workers.release(model, name, reason=reason, how=death.words if death else "")
    if released.reclaimed:
        log.warning("a process of this worker died with jobs; they go on", worker=name, jobs=released.reclaimed)
    return released


def _hand_on(settings: Settings, ledger: Ledger, model: str) -> None:
    """Publish what was given back, for other workers that have room. The sweep does so within a second as well."""
    publisher = create_publisher(settings)
    try:
        Dispatcher(ledger.line, publisher).dispatch_all(model)
    except UNAVAILABLE as exc:
        log.warning("dispatch put off", model=model, error=str(exc))
    finally:
        pools.reset()  # what is forked must not share our connections
        publisher.close()
