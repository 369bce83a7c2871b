"""The argument MODEL of commands that read its file themselves."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from tasks.environment import read_settings
from tasks.errors import ModelNotFound
from tasks.models import gguf, hub
from tasks.models.catalogue import FAKE_PATH, CatalogueError, ModelEntry, gguf_path, load_here


def named_model(model: str, models: Path | None) -> tuple[str, ModelEntry]:
    """The name that a model has, or may have, and its entry: of a GGUF file, of one of the Hub's, or of the catalogue.

    Raises click's errors.
    """
    if model.startswith(hub.SCHEME):
        try:
            return _named_after(Path(hub.HubFile.parse(model).file)), ModelEntry(path=model)
        except ValueError as exc:
            raise click.ClickException(f"{model}: {exc}.") from exc
    if Path(model).is_file():
        return _named_after(Path(model)), ModelEntry(path=str(Path(model).absolute()))
    try:
        entry = load_here(models or read_settings().models_file).find(model)
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc
    except ModelNotFound as exc:
        raise click.ClickException(f"There is no file {model}. {exc}") from exc
    if entry.path == FAKE_PATH:
        raise click.ClickException(f"{model} is a fake model, which has no file and takes no memory.")
    return model, entry


def the_model(model: str, models: Path | None) -> tuple[str, ModelEntry]:
    """The same of a model whose file is here."""
    name, entry = named_model(model, models)
    if not gguf_path(entry).is_file():
        raise click.ClickException(f"{model} is not here: run `caravan models pull {model}` first.")
    return name, entry


def the_head(model: str, models: Path | None) -> tuple[str, ModelEntry, ModelEntry]:
    """The same of a model whose head suffices, and the entry by which it can be read for as long as the command runs.

    That of a file of the Hub's that is not here is asked for, without its weights.
    """
    name, entry = named_model(model, models)
    path, told = click.get_current_context().with_resource(heads(entry))
    if not path.is_file():
        raise click.ClickException(f"{model} is not here: there is no file {path}.")
    return name, entry, entry.model_copy(update={"path": str(path)}) if told else entry


@contextmanager
def heads(entry: ModelEntry) -> Iterator[tuple[Path, Sequence[str]]]:
    """The first of the entry's files, and nothing; for one of the Hub's that is not here, a file with its head alone.

    This one is gone at the end; then the second value has the SHA-256 that the Hub tells of each file.
    """
    if not entry.path.startswith(hub.SCHEME) or hub.downloaded(entry.path):
        yield gguf_path(entry), ()
        return
    with tempfile.TemporaryDirectory(prefix="caravan-head-") as folder:
        try:
            path, found = hub.fetch_heads(entry.path, Path(folder), gguf.has_whole_head)
        except hub.DownloadFailed as exc:
            raise click.ClickException(str(exc)) from exc
        yield path, [each.sha256 for each in found]


def _named_after(path: Path) -> str:
    """A name that the catalogue allows."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name.removesuffix(".gguf"))
    return name.lstrip("._-")[:64] or "model"
