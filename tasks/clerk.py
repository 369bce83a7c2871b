"""The worker without a model: it consumes the queues `bulk` and `webhooks`, and sweeps for every model."""

from __future__ import annotations

import os
import sys
import threading

from celery import Celery

from tasks import logs, names
from tasks.celery_app import create_celery
from tasks.heartbeat import Heartbeat
from tasks.models.catalogue import load
from tasks.settings import Settings
from tasks.sweep import open_sweeper
from tasks.webhooks.courier import open_courier


def run_clerk(settings: Settings, *, name: str) -> int:
    """Serve until told to stop; the exit status."""
    sweeper = open_sweeper(settings, name=name, models=load(settings.models_file))
    stopping = threading.Event()
    celery = create_celery(settings, queues=names.CLERK_QUEUES)
    # Its tasks wait for others; what computes is elsewhere. One thread each, and as many messages in hand.
    celery.conf.update(worker_pool="threads", worker_concurrency=settings.webhook_connections)
    serving = [sweeper.start(stopping, Heartbeat(settings.heartbeat_file))]
    if settings.webhook_secrets:
        serving.append(_deliver(celery, settings, stopping))
    program = celery.Worker(
        hostname=f"{name}@{os.uname().nodename}",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=settings.log_level.upper(),
    )
    program.start()
    stopping.set()
    for thread in serving:
        thread.join(timeout=5)
    return int(program.exitcode or 0)


def _deliver(celery: Celery, settings: Settings, stopping: threading.Event) -> threading.Thread:
    """Do what comes on the queue of webhooks, and publish what is due, on a thread of its own."""
    courier = open_courier(settings)
    celery.task(name=names.SEND_WEBHOOK)(courier.deliver)
    posting = threading.Thread(target=courier.run, args=(stopping,), name="courier", daemon=True)
    posting.start()
    return posting


def main() -> int:
    """``python -m tasks.clerk``: what ``caravan clerk`` runs; the exit status."""
    settings = Settings()
    logs.configure(settings)
    return run_clerk(settings, name=f"clerk-{os.uname().nodename}")


if __name__ == "__main__":
    sys.exit(main())
