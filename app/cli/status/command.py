"""``caravan status``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from app.cli.connection import cluster, key_option, url_option
from app.cli.status.screen import screen
from app.cli.status.snapshot import take
from app.cli.status.troubles import troubles
from app.cli.table import screen_width
from tasks.urls import without_password


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@url_option
@key_option
def command(as_json: bool, url: str, api_key: str | None) -> None:
    """Show the cluster: models, workers, queues, Redis, the last failed jobs, and what to do.

    The exit status is 1 if something needs doing. `caravan ps` is the same command.
    """
    with cluster(url, api_key) as api:
        snapshot = take(api, without_password(url))
    found = troubles(snapshot)
    if as_json:
        told = {
            "url": snapshot.url,
            "redis": {"usable": not snapshot.redis_fault, "reason": snapshot.redis_fault or None},
            "models": snapshot.models if snapshot.told else None,
            "queues": snapshot.queues if snapshot.told else None,
            "failures": snapshot.failures if snapshot.told else None,
            "to_do": [asdict(trouble) for trouble in found],
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(screen(snapshot, found, width=screen_width())))
    sys.exit(bool(found))
