"""``caravan web``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.cli.web.exposure import insecure_option, refuse_exposure
from app.cli.web.ports import unbindable
from tasks import logs
from tasks.environment import read_settings, require_catalogue, require_writable
from tasks.errors import SettingsError
from tasks.models.catalogue import CatalogueError
from tasks.models.current import open_catalogue
from tasks.traces.switch import require_traces


@click.command("web")
@insecure_option
def command(insecure: bool) -> None:
    """Run the web front: gunicorn with gevent workers.

    CARAVAN_HOST, CARAVAN_PORT and CARAVAN_WEB_PROCESSES set its address, port and number of processes.
    """
    settings = read_settings()
    logs.configure(settings, "web")
    refuse_exposure(settings.host, keys=settings.keys, insecure=insecure)
    if reason := unbindable(settings.host):
        raise SettingsError(f"CARAVAN_HOST is '{settings.host}': it cannot be bound ({reason}).")
    require_writable(settings, "files_dir")
    require_catalogue(settings)
    require_traces()
    try:
        open_catalogue(settings)
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc
    with _shared_folder() as folder:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        # prometheus_client decides when it is imported whether counts are shared, so this must come after the variable.
        from app.cli.web.gunicorn_server import Server

        Server(settings).run()


@contextmanager
def _shared_folder() -> Iterator[str]:
    """A folder of this process and those that it forks, removed by this one alone.

    A worker of gunicorn's that ends goes up its copy of this very stack.
    """
    folder, owner = tempfile.mkdtemp(prefix="caravan-metrics-"), os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
