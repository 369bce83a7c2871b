"""``caravan queues``."""

from __future__ import annotations

import click

from app.cli.connection import with_api
from app.client import Client


@click.group("queues")
def command() -> None:
    """List, pause, drain and resume the queues of models."""


@command.command("list")
@with_api
def list_(api: Client) -> None:
    """List queues with their waiting and running jobs, by model."""
    click.echo(f"{'STATE':<8}  {'HIGH':>6}  {'NORMAL':>6}  {'LOW':>6}  {'RUNNING':>7}  {'OLDEST':>7}  MODEL")
    for queue in api.call("GET", "/queues")["data"]:
        waiting = "  ".join(f"{queue['queued'][priority]:>6}" for priority in ("high", "normal", "low"))
        oldest = f"{queue['oldest_age_seconds']:.0f} s"
        click.echo(f"{queue['state']:<8}  {waiting}  {queue['running']:>7}  {oldest:>7}  {queue['model']}")


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


def _set(api: Client, model: str, act: str) -> None:
    queue = api.call("POST", f"/queues/{model}/{act}")
    click.echo(f"{queue['model']} {queue['state']}: {queue['depth']} jobs wait, {queue['running']} run")
