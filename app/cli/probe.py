"""``caravan probe``: what containers are asked for their health by. It imports little, since it is run often."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import click

from app.cli.group import Group

HTTP_SECONDS = 3.0


@click.group("probe", cls=Group)
def command() -> None:
    """Check the health of one process of this machine; the exit status is the result."""


@command.command("heartbeat")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    envvar="CARAVAN_HEARTBEAT_FILE",
    required=True,
    help="The heartbeat's file; CARAVAN_HEARTBEAT_FILE if left out.",
)
@click.option("--max-age", default=30.0, show_default=True, help="The most seconds since the last beat.")
def heartbeat(file: Path, max_age: float) -> None:
    """Check that a worker serves its model, or that the clerk sweeps."""
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError as exc:
        raise click.ClickException(f"{file} does not exist: the process does not serve yet.") from exc
    if age > max_age:
        raise click.ClickException(f"The last heartbeat was {age:.0f} s ago.")


@command.command("http")
@click.argument("url", default="http://127.0.0.1:8000/healthz")
def http(url: str) -> None:
    """Check that URL answers with a success."""
    try:
        # Straight there: a proxy of the environment's knows nothing of this machine's own ports.
        with build_opener(ProxyHandler({})).open(url, timeout=HTTP_SECONDS):
            pass
    except HTTPError as exc:  # an answer, and so a connection to close
        exc.close()
        raise click.ClickException(f"{url}: {exc}") from exc
    except OSError as exc:
        reason = getattr(exc, "reason", exc)  # a URLError has the error of the connection there
        raise click.ClickException(f"{url} does not answer: {getattr(reason, 'strerror', None) or reason}.") from exc
