"""What a model's file says of it, if this machine has the file: the front may run on one that has not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.models import gguf
from tasks.models.catalogue import ModelEntry, gguf_path
from tasks.models.digest import file_digest

MOST_FILES = 256


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's file. ``size`` is that of all parts, in bytes; ``fields`` are those of GGUF."""

    size: int = 0
    modified_at: float = 0.0
    digest: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def look(entry: ModelEntry) -> ModelFile:
    """A model's file, read once as long as it stays; an empty one if it is not here or cannot be read."""
    path = gguf_path(entry)
    try:
        found = [part.stat() for part in gguf.parts(path)]
        return _read(path, sum(each.st_size for each in found), max(each.st_mtime for each in found))
    except (OSError, gguf.NotGguf):
        return ModelFile()


@lru_cache(maxsize=MOST_FILES)
def _read(path: Path, size: int, modified_at: float) -> ModelFile:
    return ModelFile(size, modified_at, file_digest(path), gguf.fields(path))
