"""``caravan queues``."""

from __future__ import annotations

import click

from app.cli.api import Api, url_option


@click.group("queues")
def command() -> None:
    """List, pause, drain and resume the queues of models."""


@command.command("list")
@url_option
def list_(url: str) -> None:
    """What waits and what runs, by model."""
    click.echo(f"{'STATE':<8}  {'HIGH':>6}  {'NORMAL':>6}  {'LOW':>6}  {'RUNNING':>7}  {'OLDEST':>7}  MODEL")
    for queue in Api(url).call("GET", "/queues")["data"]:
        waiting = "  ".join(f"{queue['queued'][priority]:>6}" for priority in ("high", "normal", "low"))
        oldest = f"{queue['oldest_age_seconds']:.0f} s"
        click.echo(f"{queue['state']:<8}  {waiting}  {queue['running']:>7}  {oldest:>7}  {queue['model']}")


@command.command("pause")
@click.argument("model")
@url_option
def pause(model: str, url: str) -> None:
    """Give no more jobs of MODEL to workers. Jobs are accepted, and those that run go on."""
    _set(url, model, "pause")


@command.command("drain")
@click.argument("model")
@url_option
def drain(model: str, url: str) -> None:
    """Accept no more jobs of MODEL. Those that are there come to their end."""
    _set(url, model, "drain")


@command.command("resume")
@click.argument("model")
@url_option
def resume(model: str, url: str) -> None:
    """End a pause or a drain of MODEL."""
    _set(url, model, "resume")


def _set(url: str, model: str, act: str) -> None:
    queue = Api(url).call("POST", f"/queues/{model}/{act}")
    click.echo(f"{queue['model']} {queue['state']}: {queue['depth']} jobs wait, {queue['running']} run")
