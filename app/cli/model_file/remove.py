"""``caravan models remove``."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.models_option import models_option
from app.cli.the_model import named_model
from app.cli.words import counted
from tasks.byte_sizes import size
from tasks.models.entry import DEMO_PATH
from tasks.models.hub import SCHEME
from tasks.models.hub.remove import InUse, find, remove


@click.command("remove")
@click.argument("name", metavar="MODEL")
@models_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(name: str, models: Path | None, yes: bool) -> None:
    """Remove the downloaded file of MODEL, with what interrupted downloads of its repository have left.

    MODEL is a name of the catalogue, or an hf:// address. Files outside of the Hub's cache are never removed. A worker
    that has the model loaded keeps it until it ends, and downloads it again when it starts.
    """
    _, entry = named_model(name, models)
    if entry.path == DEMO_PATH:
        raise click.ClickException(f"{name} is built in: nothing of it was downloaded.")
    if not entry.path.startswith(SCHEME):
        raise click.ClickException(f"{entry.path} is a file of yours: only files of the Hub's cache are removed.")
    found = find(entry.path)
    if not (found.files or found.contents):
        click.echo(f"{entry.path} is not here.")
        return
    told = f"{entry.path}: {counted(len(found.contents) or len(found.files), 'file')}, {size(found.num_bytes)}"
    if not yes:
        click.confirm(f"Remove {told}?", abort=True)
    try:
        remove(found)
    except InUse as exc:
        raise click.ClickException(f"Another process downloads {entry.path} just now: stop it first.") from exc
    except OSError as exc:
        raise click.ClickException(f"{exc.filename} cannot be removed: {(exc.strerror or str(exc)).lower()}") from exc
    click.echo(f"Removed {told}.")
