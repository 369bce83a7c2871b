"""``python -m tasks.worker MODEL [--name NAME]``: what ``caravan worker`` runs."""

from __future__ import annotations

import argparse
import os
import sys

from tasks import logs
from tasks.engine.backend import BackendFailure
from tasks.errors import CaravanError
from tasks.models.catalogue import CatalogueError
from tasks.settings import Settings
from tasks.worker.lifecycle import run_worker


def main() -> int:
    """Parse, run; the exit status."""
    parser = argparse.ArgumentParser(prog="caravan worker", description="Serve one model of the catalogue.")
    parser.add_argument("model", help="the model's name in models.yaml")
    parser.add_argument(
        "--name", help="the worker's name; one that starts again under its name takes up its jobs at once"
    )
    args = parser.parse_args()
    settings = Settings()
    logs.configure(settings)
    name = args.name or f"{args.model}-{os.uname().nodename}-{os.getpid()}"
    try:
        return run_worker(settings, model=args.model, name=name)
    except (CatalogueError, CaravanError, BackendFailure) as exc:
        logs.get_logger(__name__).error("worker cannot start", model=args.model, reason=str(exc))
        return 1


if __name__ == "__main__":
    sys.exit(main())
