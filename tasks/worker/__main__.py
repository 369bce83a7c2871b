"""``python -m tasks.worker MODEL [--name NAME]``: what ``caravan worker`` runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

# The processes that serve are forked from this one, which therefore has no threads; numpy's would be idle anyway.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tasks import logs
from tasks.environment import read_settings, require_catalogue
from tasks.errors import CaravanError, SettingsError
from tasks.models.catalogue import CatalogueError
from tasks.settings import Settings
from tasks.traces.switch import require_traces
from tasks.worker.lifecycle import prove_model, run_worker


def main() -> int:
    """Parse, run; the exit status."""
    parser = argparse.ArgumentParser(prog="caravan worker", description="Serve one model of the catalogue.")
    parser.add_argument("model", help="the model's name in models.yaml")
    parser.add_argument("--name", help="the worker's name; a worker that restarts under it continues its jobs at once")
    parser.add_argument(
        "--prove", action="store_true", help="load the model, run its self-test, print the result as JSON, and exit"
    )
    args = parser.parse_args()
    try:
        settings = read_settings()
        require_catalogue(settings)
        require_traces()
    except SettingsError as exc:
        parser.exit(2, f"Error: {exc}\n")
    logs.configure(settings, args.name or args.model)
    try:
        if args.prove:
            return _prove(settings, args.model)
        return run_worker(settings, model=args.model, name=args.name or _own_name(args.model))
    except (CatalogueError, CaravanError, SettingsError) as exc:
        logs.get_logger(__name__).error("worker cannot start", model=args.model, reason=str(exc))
        return 1


def _own_name(model: str) -> str:
    return f"{model}-{os.uname().nodename}-{os.getpid()}"


def _prove(settings: Settings, model: str) -> int:
    began = time.monotonic()
    start = prove_model(settings, model=model)
    seconds = round(time.monotonic() - began, 3)
    ok = start.state == "ready"
    proof = {"model": model, "ok": ok, "seconds": seconds, "phase": "" if ok else start.phase}
    print(json.dumps({**proof, "reason": start.reason, "processor": start.processor}))  # noqa: T201 - its answer
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
