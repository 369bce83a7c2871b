"""``caravan queues``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from app.cli.connection import with_api
from app.cli.group import Group
from app.cli.lists import json_option, show_list
from app.cli.table import Column
from app.cli.words import counted
from caravan_client import Client

COLUMNS = (
    Column("MODEL", 9, cut=True),
    Column("STATE", 8),
    Column("HIGH", 6, right=True),
    Column("NORMAL", 5, right=True),
    Column("LOW", 4, right=True),
    Column("RUNNING", 7, right=True),
    Column("OLDEST", 3, right=True),
)


@click.group("queues", cls=Group)
def command() -> None:
    """List, pause, drain, resume, cancel and move the queues of models."""


@command.command("list")
@json_option
@with_api
def list_(as_json: bool, api: Client) -> None:
    """List queues with their waiting and running jobs, by model."""
    found = api.call("GET", "/queues")["data"]
    show_list(found, COLUMNS, _row, nothing="This API key may use no model.", as_json=as_json)


@command.command("pause")
@click.argument("model")
@with_api
def pause(model: str, api: Client) -> None:
    """Give no more jobs of MODEL to workers. New jobs are accepted, and running jobs continue."""
    _set(api, model, "pause")


@command.command("drain")
@click.argument("model")
@with_api
def drain(model: str, api: Client) -> None:
    """Accept no more jobs of MODEL. Accepted jobs run to their ends."""
    _set(api, model, "drain")


@command.command("resume")
@click.argument("model")
@with_api
def resume(model: str, api: Client) -> None:
    """End a pause or a drain of MODEL."""
    _set(api, model, "resume")


@command.command("cancel")
@click.argument("model")
@with_api
def cancel(model: str, api: Client) -> None:
    """Cancel all waiting jobs of MODEL, which may have left the catalogue. Running jobs continue."""
    click.echo(f"{counted(_all(api, model, 'cancel', {}), 'job')} of {model} cancelled")


@command.command("move")
@click.argument("model")
@click.argument("to")
@with_api
def move(model: str, to: str, api: Client) -> None:
    """Move all waiting jobs of MODEL, which may have left the catalogue, to the model TO."""
    if model == to:
        raise click.UsageError("The jobs of a model cannot be moved to itself.")
    click.echo(f"{counted(_all(api, model, 'move', {'to': to}), 'job')} of {model} moved to {to}")


def _row(queue: Mapping[str, Any]) -> list[object]:
    waiting = [queue["queued"][priority] for priority in ("high", "normal", "low")]
    state = queue["state"] if queue["in_catalogue"] else "MISSING"
    return [queue["model"], state, *waiting, queue["running"], f"{queue['oldest_age_seconds']:.0f} s"]


def _all(api: Client, model: str, act: str, body: dict[str, str]) -> int:
    """Repeat a call that changes some of a queue's jobs until none is left, or none was changed; how many were."""
    num_jobs: int = 0
    while True:
        change = api.call("POST", f"/queues/{model}/{act}", body=body)
        num_jobs += int(change["jobs"])
        if not change["left"] or not change["jobs"]:
            return num_jobs


def _set(api: Client, model: str, act: str) -> None:
    queue = api.call("POST", f"/queues/{model}/{act}")
    click.echo(f"{queue['model']} {queue['state']}: {queue['depth']} waiting, {queue['running']} running")
