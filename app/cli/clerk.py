"""``caravan clerk``: where the clerk is put together, from the queue's side and what the front knows of lines."""

from __future__ import annotations

import os
import sys

import click

from tasks import logs
from tasks.environment import read_settings, require_catalogue, require_writable
from tasks.models.catalogue import CatalogueError
from tasks.models.current import open_catalogue
from tasks.traces.switch import require_traces


@click.command("clerk")
def command() -> None:
    """Run the clerk: it runs batches, sends webhooks and sweeps.

    It consumes the queues `batches` and `webhooks`, and loads no model.
    """
    from app.endpoints.batches.lines import LineEndpoints
    from tasks.clerk import run_clerk

    settings = read_settings()
    logs.configure(settings, "clerk")
    require_catalogue(settings)
    require_writable(settings, "files_dir")
    require_writable(settings, "heartbeat_file")
    require_traces()
    try:
        models = open_catalogue(settings)
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc
    sys.exit(run_clerk(settings, models, LineEndpoints(models), name=f"clerk-{os.uname().nodename}"))
