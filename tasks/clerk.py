"""The worker without a model: it consumes the queues `batches` and `webhooks`, and sweeps for every model.

`app.cli.clerk` puts it together: what a line of a batch means, and its answer, is the front's knowledge.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.platforms import SecurityWarning

from tasks.batches.endpoints import Endpoints
from tasks.batches.publisher import open_batch_publisher
from tasks.environment import require_login
from tasks.interpreter import freeze_objects
from tasks.ledger.until_answered import until_answered
from tasks.logs import get_logger
from tasks.models.current import CurrentCatalogue
from tasks.queue import task_names
from tasks.queue.celery_app import create_celery
from tasks.queue.heartbeat import Heartbeat
from tasks.queue.stop_signals import stop_on_signals
from tasks.queue.sweep import open_sweeper
from tasks.settings import Settings
from tasks.traces.courier import start_courier
from tasks.traces.tracer import open_tracer
from tasks.webhooks.publisher import open_webhook_publisher

log = get_logger(__name__)


def run_clerk(settings: Settings, models: CurrentCatalogue, endpoints: Endpoints, *, name: str) -> int:
    """Serve until told to stop; the exit status. Raises SettingsError for a Redis that refuses the password."""
    _wait_for_redis(settings)
    stopping, leaving = threading.Event(), threading.Event()
    celery = create_celery(settings, queues=task_names.CLERK_QUEUES)
    # Its tasks wait for others; what computes is elsewhere. One thread each, and as many messages in hand. Batches have
    # threads beside those of webhooks, so neither kind waits for the other.
    celery.conf.update(worker_pool="threads", worker_concurrency=settings.webhook_connections + settings.batches)
    serving = [open_sweeper(settings, name=name, models=models).start(stopping, Heartbeat(settings.heartbeat_file))]
    tracer = open_tracer(name)
    if tracer is not None:
        serving.append(start_courier(settings, tracer, stopping))
    batch_publisher = open_batch_publisher(settings, endpoints, name=name, stopping=leaving, tracer=tracer)
    # Without a trail: Celery would keep a note of every job that the task sends, for hours.
    celery.task(name=task_names.RUN_BATCH, trail=False)(batch_publisher.work)
    serving.append(_start(batch_publisher.run, leaving, "batches"))
    if settings.webhook_secrets:
        webhook_publisher = open_webhook_publisher(settings, tracer)
        celery.task(name=task_names.SEND_WEBHOOK)(webhook_publisher.deliver)
        serving.append(_start(webhook_publisher.run, stopping, "webhooks"))
    _leave_on_shutdown(leaving)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # of pickle as root: our messages are JSON
    program = celery.Worker(
        hostname=f"{name}@{os.uname().nodename}",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=settings.log_level.upper(),
    )
    stop_on_signals(program)
    freeze_objects()
    program.start()
    leaving.set()
    stopping.set()
    for thread in serving:
        thread.join(timeout=5)
    if tracer is not None:
        tracer.close()
    log.info("clerk stopped")
    return int(program.exitcode or 0)


def _wait_for_redis(settings: Settings) -> None:
    """Until it lets us in for the first time. A signal ends the clerk meanwhile: it has nothing in hand yet."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    until_answered(lambda: require_login(settings))


def _leave_on_shutdown(leaving: threading.Event) -> None:
    """Batches are put back as soon as the clerk is told to stop: Celery waits for its tasks."""

    def leave(**_: Any) -> None:
        leaving.set()

    signals.worker_shutting_down.connect(leave, weak=False)


def _start(run: Callable[[threading.Event], None], stopping: threading.Event, name: str) -> threading.Thread:
    thread = threading.Thread(target=run, args=(stopping,), name=name, daemon=True)
    thread.start()
    return thread
