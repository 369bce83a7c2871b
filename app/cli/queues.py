"""``caravan queues``."""

from __future__ import annotations

import click

from app.cli.connection import with_api
from app.cli.words import counted
from caravan_client import Client


@click.group("queues")
def command() -> None:
    """List, pause, drain, resume, cancel and move the queues of models."""


@command.command("list")
@with_api
def list_(api: Client) -> None:
    """List queues with their waiting and running jobs, by model."""
    click.echo(f"{'STATE':<8}  {'HIGH':>6}  {'NORMAL':>6}  {'LOW':>6}  {'RUNNING':>7}  {'OLDEST':>7}  MODEL")
    for queue in api.call("GET", "/queues")["data"]:
        waiting = "  ".join(f"{queue['queued'][priority]:>6}" for priority in ("high", "normal", "low"))
        oldest = f"{queue['oldest_age_seconds']:.0f} s"
        state = queue["state"] if queue["in_catalogue"] else "MISSING"
        click.echo(f"{state:<8}  {waiting}  {queue['running']:>7}  {oldest:>7}  {queue['model']}")


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
    click.echo(f"{counted(_all(api, model, 'move', {'to': to}), 'job')} of {model} moved to {to}")


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
