"""``caravan flower``."""

from __future__ import annotations

import click

from tasks import logs
from tasks.celery_app import create_celery
from tasks.settings import Settings


@click.command("flower")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind.")
@click.option("--port", default=5555, show_default=True, help="The port to bind.")
def command(host: str, port: int) -> None:
    """Run Flower over the broker. FLOWER_* environment variables are Flower's own settings."""
    settings = Settings()
    logs.configure(settings)
    # Started from here and not as a command of its own, so that the broker's password is in no process list.
    create_celery(settings).start(argv=["flower", f"--address={host}", f"--port={port}"])
