"""``caravan worker``."""

from __future__ import annotations

import os
import sys

import click


@click.command("worker")
@click.argument("model")
@click.option("--name", help="The worker's name. One that starts again under its name takes up its jobs at once.")
def command(model: str, name: str | None) -> None:
    """Serve MODEL: load it, then take jobs from its queue until told to stop."""
    # The process is replaced: the front's code is no part of a worker.
    named = ["--name", name] if name else []
    os.execv(sys.executable, [sys.executable, "-P", "-m", "tasks.worker", model, *named])  # noqa: S606 - our own module
