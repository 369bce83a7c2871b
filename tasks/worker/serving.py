"""The process that serves: the model is loaded and proven, then Celery hands it messages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from celery import bootsteps
from celery.platforms import SecurityWarning

from tasks.engine.backend import BackendFailure, FileAtFault
from tasks.interpreter import freeze_objects
from tasks.ledger.connection import RedisErrors, connect
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import open_ledger
from tasks.ledger.line import SMALL_AT_ONCE
from tasks.logs import get_logger
from tasks.models.catalogue import ModelEntry
from tasks.models.current import CurrentCatalogue
from tasks.queue.celery_app import create_celery
from tasks.queue.dispatch import Dispatcher
from tasks.queue.heartbeat import Heartbeat
from tasks.queue.publisher import create_publisher
from tasks.queue.stop_signals import stop_on_signals
from tasks.queue.sweep import open_sweeper
from tasks.settings import Settings
from tasks.traces.courier import start_courier
from tasks.traces.tracer import open_tracer
from tasks.worker.child import Progress
from tasks.worker.event_pace import EventPace
from tasks.worker.kept_answers import computes
from tasks.worker.loading import load_work, model_digest
from tasks.worker.model_runner import ModelRunner
from tasks.worker.proof import ProofFailed
from tasks.worker.strategy import RunJob
from tasks.worker.worker import Worker

CANNOT_SERVE = 1
"""Exit status of a process whose model cannot be loaded, or fails its self-test."""

log = get_logger(__name__)
T = TypeVar("T")


def serve(
    settings: Settings,
    models: CurrentCatalogue,
    entry: ModelEntry,
    *,
    model: str,
    name: str,
    progress: Progress,
    unannounced: Iterable[str] = (),
) -> int:
    """Serve a model until told to stop; the exit status.

    Args:
        unannounced: jobs that ended because of earlier processes; whoever receives their messages tells Flower.
    """
    heartbeat = Heartbeat(settings.heartbeat_file)
    work = load_proven(entry, settings, progress)
    if work is None:
        return CANNOT_SERVE
    progress.begin("connecting")
    digest = model_digest(entry)
    holder = Holder(name, digest, computes(entry, digest))
    log.info(
        "model loaded",
        model=model,
        slots=entry.slots,
        context=work.context,
        cache_tokens=entry.cache_tokens,
        processor=work.processor,
    )
    redis_errors = RedisErrors()
    ledger = open_ledger(settings, connect(settings.ledger_url, errors=redis_errors))
    dispatcher = Dispatcher(ledger.line, create_publisher(settings))
    tracer = open_tracer(name)
    if tracer is not None:
        start_courier(settings, tracer)
    for job_id in unannounced:
        dispatcher.publish(job_id, model)
    worker = Worker(
        settings,
        holder=holder,
        model=model,
        entry=entry,
        work=work,
        ledger=ledger,
        dispatcher=dispatcher,
        sweeper=open_sweeper(settings, name=name, models=models),
        redis_errors=redis_errors,
        heartbeat=heartbeat,
        tracer=tracer,
    )
    # Beyond what there is room for: jobs to which those in the slots give way, and jobs that need no slot.
    prefetch = entry.slots + entry.lookahead + entry.slots + SMALL_AT_ONCE
    celery = create_celery(settings, queues=(model,), prefetch=prefetch)
    celery.register_task(RunJob(worker.pool))
    celery.steps["worker"].add(_engine_step(worker))
    celery.steps["consumer"].add(EventPace)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # of pickle as root: our messages are JSON
    program = celery.Worker(
        hostname=f"{name}@{os.uname().nodename}",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=settings.log_level.upper(),
    )
    stop_on_signals(program, worker)
    freeze_objects()
    progress.ready(processor=work.processor)
    program.start()
    if tracer is not None:
        tracer.close()
    return int(program.exitcode or 0)


def load_proven(entry: ModelEntry, settings: Settings, progress: Progress) -> ModelRunner | None:
    """A loaded model that has passed its self-test; None if it cannot be served, and the reason is told."""
    try:
        work = load_work(entry, settings, progress)
    except BackendFailure as exc:
        progress.failed(f"The model cannot be loaded: {exc}.", lasting=isinstance(exc, FileAtFault))
        return None
    try:
        _on_passing_thread(lambda: work.prove(partial(progress.begin, on_gpu=work.on_gpu)))
    except (ProofFailed, BackendFailure) as exc:
        progress.failed_proof(f"{str(exc).rstrip('.')}.")
        return None
    return work


def _on_passing_thread(compute: Callable[[], T]) -> T:
    """Compute something on a thread that ends.

    OpenMP keeps a team for every thread that computes, and once the teams have more threads than there are cores, its
    barriers sleep instead of spinning, and every step takes twice as long.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(compute).result()


def _engine_step(worker: Worker) -> type[bootsteps.StartStopStep]:
    class EngineStep(bootsteps.StartStopStep):
        """Started before Celery consumes; stopped after it consumes no more, while acknowledgements still go out."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            worker.pool.attach(parent.hub)
            worker.start()

        def stop(self, parent: Any) -> None:
            worker.stop()

        terminate = stop

    return EngineStep
