"""Reading the heads of a model's files: of those that are here, or of the Hub's by a few requests."""

from __future__ import annotations

from dataclasses import dataclass

import click

from app.cli.the_model import heads
from tasks.models import checksums, facts, gguf, hub
from tasks.models.catalogue import ModelEntry


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's files."""

    path: str
    """As the catalogue would have it."""
    is_here: bool
    """Whether they are on this machine."""
    num_files: int
    num_bytes: int
    sha256: tuple[str, ...]
    """Of each file, as far as it is known without reading them; else ''."""
    facts: facts.Facts


def look(entry: ModelEntry) -> ModelFile:
    """What the files of an entry say. Raises click's errors."""
    with heads(entry) as (path, told):
        files = gguf.parts(path)
        if trouble := gguf.trouble(path):
            raise click.ClickException(trouble)
        is_here = not told
        sums = told or [checksums.known(file) or hub.told_sha256(file) for file in files]
        sizes = sum(file.stat().st_size for file in files)
        found = facts.of([gguf.head(file) for file in files])
        return ModelFile(entry.path, is_here, len(files), sizes, tuple(sums), found)
