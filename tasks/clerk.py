"""The worker without a model: it consumes the queues `bulk` and `webhooks`, and sweeps for every model."""

from __future__ import annotations

import os
import sys
import threading

from tasks import logs, names
from tasks.celery_app import create_celery
from tasks.models.catalogue import load
from tasks.settings import Settings
from tasks.sweep import open_sweeper


def run_clerk(settings: Settings, *, name: str) -> int:
    """Serve until told to stop; the exit status."""
    sweeper = open_sweeper(settings, name=name, models=load(settings.models_file))
    stopping = threading.Event()
    sweeping = sweeper.start(stopping)
    program = create_celery(settings, queues=names.CLERK_QUEUES).Worker(
        hostname=f"{name}@{os.uname().nodename}",
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=settings.log_level.upper(),
    )
    program.start()
    stopping.set()
    sweeping.join(timeout=5)
    return int(program.exitcode or 0)


def main() -> int:
    """``python -m tasks.clerk``: what ``caravan clerk`` runs; the exit status."""
    settings = Settings()
    logs.configure(settings)
    return run_clerk(settings, name=f"clerk-{os.uname().nodename}")


if __name__ == "__main__":
    sys.exit(main())
