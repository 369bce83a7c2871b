"""The argument MODEL of commands that read its file themselves."""

from __future__ import annotations

import re
from pathlib import Path

import click

from tasks.environment import read_settings
from tasks.errors import ModelNotFound
from tasks.models.catalogue import FAKE_PATH, CatalogueError, ModelEntry, gguf_path, load


def the_model(model: str, models: Path | None) -> tuple[str, ModelEntry]:
    """The name that a model has, or may have, and its entry: of a GGUF file, or of the catalogue."""
    if Path(model).is_file():
        return _named_after(Path(model)), ModelEntry(path=str(Path(model).absolute()))
    try:
        entry = load(models or read_settings().models_file).find(model)
    except (CatalogueError, ModelNotFound) as exc:
        raise click.ClickException(f"There is no file {model}. {exc}") from exc
    if entry.path == FAKE_PATH:
        raise click.ClickException(f"{model} is a fake model, which takes no memory.")
    if not gguf_path(entry).is_file():
        raise click.ClickException(f"{model} is not here: run `caravan models pull {model}` first.")
    return model, entry


def _named_after(path: Path) -> str:
    """A name that the catalogue allows."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name.removesuffix(".gguf"))
    return name.lstrip("._-")[:64] or "model"
