"""``caravan clerk``."""

from __future__ import annotations

import os
import sys

import click


@click.command("clerk")
def command() -> None:
    """Run the worker without a model.

    It gives back what dead workers held, and consumes the queues `bulk` and `webhooks`.
    """
    os.execv(sys.executable, [sys.executable, "-m", "tasks.clerk"])  # noqa: S606 - our own module
