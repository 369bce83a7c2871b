"""``caravan worker``."""

from __future__ import annotations

import os
import sys

import click


@click.command("worker")
@click.argument("model")
@click.option("--name", help="The worker's name. A worker that restarts under its name continues its jobs at once.")
def command(model: str, name: str | None) -> None:
    """Serve MODEL: load it, then run jobs from its queue until SIGTERM or Ctrl-C."""
    # The process is replaced: the front's code is no part of a worker.
    named = ["--name", name] if name else []
    os.execv(sys.executable, [sys.executable, "-P", "-m", "tasks.worker", model, *named])  # noqa: S606 - our own module
