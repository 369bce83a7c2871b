"""A worker process from its start to its end."""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import bootsteps

from tasks.celery_app import create_celery, create_publisher
from tasks.dispatch import Dispatcher
from tasks.heartbeat import Heartbeat
from tasks.job_store import SMALL_AT_ONCE, Holder, JobStore, open_store
from tasks.logs import get_logger
from tasks.models.catalogue import load
from tasks.redis_client import RedisErrors, connect
from tasks.settings import Settings
from tasks.sweep import open_sweeper
from tasks.worker.insist import Insist
from tasks.worker.loading import load_work, model_digest
from tasks.worker.strategy import RunJob
from tasks.worker.worker import Worker

log = get_logger(__name__)


def run_worker(settings: Settings, *, model: str, name: str) -> int:
    """Serve one model until told to stop; the exit status.

    The jobs of an earlier process of this name are given back first, then the model is loaded and warmed up, and only
    then are messages consumed.

    Raises:
        ModelNotFound: the catalogue has no such model.
        BackendFailure: it cannot be loaded.
    """
    catalogue = load(settings.models_file)
    entry = catalogue.find(model)
    redis_errors = RedisErrors()
    store = open_store(settings, connect(settings.redis_url, errors=redis_errors))
    dispatcher = Dispatcher(store, create_publisher(settings))
    heartbeat = Heartbeat(settings.heartbeat_file)
    _release_earlier_self(store, dispatcher, model, name)
    work = load_work(entry, settings)
    digest = model_digest(entry)
    log.info("model loaded", model=model, slots=entry.slots, context=work.context, cache_tokens=entry.cache_tokens)
    worker = Worker(
        settings,
        holder=Holder(name, digest),
        model=model,
        entry=entry,
        work=work,
        store=store,
        dispatcher=dispatcher,
        sweeper=open_sweeper(settings, name=name, models=catalogue),
        redis_errors=redis_errors,
        heartbeat=heartbeat,
    )
    # Beyond what there is room for: jobs to which those in the slots give way, and jobs that need no slot.
    prefetch = entry.slots + entry.lookahead + entry.slots + SMALL_AT_ONCE
    celery = create_celery(settings, queues=(model,), prefetch=prefetch)
    celery.register_task(RunJob(worker.runner))
    celery.steps["worker"].add(_engine_step(worker))
    program = celery.Worker(
        hostname=f"{name}@{os.uname().nodename}",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=settings.log_level.upper(),
    )
    program.start()
    return int(program.exitcode or 0)


def _release_earlier_self(store: JobStore, dispatcher: Dispatcher, model: str, name: str) -> None:
    released = Insist(threading.Event())(lambda: store.release_worker(model, name))
    if released and released.reclaimed:
        log.warning("an earlier worker of this name died with jobs; they go on", worker=name, jobs=released.reclaimed)
        for job_id in released.ended:
            dispatcher.publish(job_id, model)


def _engine_step(worker: Worker) -> type[bootsteps.StartStopStep]:
    class EngineStep(bootsteps.StartStopStep):
        """Started before Celery consumes; stopped after it consumes no more, while acknowledgements still go out."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            worker.runner.attach(parent.hub)
            worker.start()

        def stop(self, parent: Any) -> None:
            worker.stop()

        terminate = stop

    return EngineStep
