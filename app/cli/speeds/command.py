"""The command: which model, how long."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from app.cli.models_option import models_option
from app.cli.speeds import view
from app.cli.table import screen_width
from app.cli.the_model import the_model
from app.doctor import cores
from tasks.models.plan import speeds
from tasks.models.plan.dry_run import CannotLoad, CannotTell


@click.command("bench")
@click.argument("model", metavar="MODEL")
@models_option
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=2.0, show_default=True, help="For each figure.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(model: str, models: Path | None, seconds: float, as_json: bool) -> None:
    """Measure MODEL on this machine, by threads, tokens of a step, and streams.

    MODEL is a GGUF file, or a name of the catalogue whose file is here; its slots and context are the entry's. No
    cluster is needed. Stop whatever else computes here.
    """
    name, entry = the_model(model, models)
    if not entry.generates:
        raise click.ClickException(f"{name} is of kind {entry.kind}: only models that make text are measured.")
    try:
        told = []
        for speed in speeds.measured(entry, threads=speeds.thread_counts(cores.read().usable), seconds=seconds):
            told.append(speed)
            click.echo(view.progress(speed), err=True)
    except CannotLoad as exc:
        raise click.ClickException(str(exc)) from exc
    except CannotTell as exc:
        raise click.ClickException(f"The process that measured ended: {exc}") from exc
    if as_json:
        best = {"threads": speeds.best_threads(told), "batch_tokens": speeds.best_batch(told)}
        click.echo(json.dumps({"speeds": list(map(asdict, told)), "best": best}, indent=2))
    else:
        click.echo("\n".join(view.lines(told, width=screen_width())))
