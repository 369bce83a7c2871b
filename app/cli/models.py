"""``caravan models``."""

from __future__ import annotations

from pathlib import Path

import click

from tasks.environment import read_settings, require_readable
from tasks.errors import ModelNotFound
from tasks.models.catalogue import CatalogueError, gguf_path, load
from tasks.models.hub import SCHEME, DownloadFailed, download


@click.group("models")
def command() -> None:
    """Download models."""


@command.command("pull")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--models", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The catalogue (models.yaml)."
)
def pull(names: tuple[str, ...], models: Path | None) -> None:
    """Download the hf:// files of each MODEL, or of all models in the catalogue.

    HF_HOME is the folder for the files, HF_TOKEN the token for private ones. Existing files are not downloaded again.
    """
    settings = read_settings()
    if models is None:
        require_readable(settings, "models_file")
    try:
        catalogue = load(models or settings.models_file)
        for name in names or catalogue:
            entry = catalogue.find(name)
            path = download(entry.path) if entry.path.startswith(SCHEME) else gguf_path(entry)
            click.echo(f"{name}: {path}")
    except (CatalogueError, DownloadFailed, ModelNotFound) as exc:
        raise click.ClickException(str(exc)) from exc
