"""The catalogue as `caravan up` has accepted it last, in a file that its programs read in the place of models.yaml.

So a models.yaml that somebody is writing, or that makes no sense, changes nothing, whatever starts meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.models import file_sign, gguf
from tasks.models.catalogue import (
    FAKE_PATH,
    Catalogue,
    CatalogueError,
    ModelEntry,
    adapter_paths,
    gguf_path,
    has_file,
    load,
)
from tasks.models.changes import Changes, compare
from tasks.models.key_types import ModelName

LOCK_SECONDS = 10.0
LOOK_SECONDS = 0.05

Signs = Mapping[str, tuple[file_sign.Sign | None, ...]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What has been accepted.

    Args:
        models: the catalogue.
        leaving: models that were removed from it, whose jobs still run.
        signs: what differs once a model's files are others, by model.
    """

    models: Catalogue
    leaving: Catalogue = field(default_factory=lambda: Catalogue({}))
    signs: Signs = field(default_factory=dict)

    def changes_to(self, new: Accepted) -> Changes:
        """What becomes of its models in another."""
        replaced = [name for name, sign in self.signs.items() if _is_another(sign, new.signs.get(name, ()))]
        found = compare(self.models, new.models, replaced=replaced)
        return replace(found, renewed=found.renewed | compare(self.leaving, new.models).renewed)

    def followed_by(self, models: Catalogue) -> Accepted:
        """The next one: what this one has and that one lacks leaves."""
        gone = {name: entry for name, entry in {**self.leaving, **self.models}.items() if name not in models}
        return Accepted(models, Catalogue(gone), signs_of(models))


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    models: dict[ModelName, ModelEntry]
    leaving: dict[ModelName, ModelEntry] = {}
    signs: dict[str, tuple[tuple[int, int, int] | None, ...]] = {}


def accept(path: Path | None) -> Accepted:
    """A models file of this machine, whose models have files. Raises `CatalogueError`."""
    models = load(path)
    if missing := [f"{name} ({_fault(gguf_path(entry))})" for name, entry in models.items() if not has_file(entry)]:
        raise CatalogueError(f"These models have no file: {', '.join(missing)}. Correct their paths in {path}.")
    return of(models)


def of(models: Catalogue) -> Accepted:
    """The first one that is accepted."""
    return Accepted(models, signs=signs_of(models))


def signs_of(models: Mapping[str, ModelEntry]) -> Signs:
    """The signs of models' files, as far as they are here."""
    return {
        name: file_sign.of_all([*gguf.parts(gguf_path(entry)), *adapter_paths(entry).values()])
        for name, entry in models.items()
        if entry.path != FAKE_PATH
    }


def read(path: Path) -> Accepted:
    """What was written last. Raises `CatalogueError`."""
    try:
        body = _Body.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise CatalogueError(f"{path} cannot be read ({exc.strerror}): start `caravan up` again.") from exc
    except ValidationError as exc:
        raise CatalogueError(f"{path} is not what `caravan up` writes: start it again.") from exc
    return Accepted(Catalogue(body.models), Catalogue(body.leaving), body.signs)


def write(path: Path, accepted: Accepted) -> None:
    """Write it in the place of the last one, so that nobody reads a part of it. Raises OSError."""
    parts = {"models": accepted.models, "leaving": accepted.leaving}
    body = {key: {name: entry.written() for name, entry in models.items()} for key, models in parts.items()}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps({**body, "signs": accepted.signs}))
    part.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the processes that accept. A dead one holds nothing. Raises `CatalogueError` if it takes too long."""
    until = time.monotonic() + LOCK_SECONDS
    try:
        file = path.with_name(f"{path.name}.lock").open("a")
    except OSError as exc:
        raise CatalogueError(f"{path}.lock cannot be opened ({exc.strerror}).") from exc
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CatalogueError("Another process reads the models file just now. Try again.") from None
                time.sleep(LOOK_SECONDS)
        yield


def _is_another(old: tuple[file_sign.Sign | None, ...], new: tuple[file_sign.Sign | None, ...]) -> bool:
    """Whether files were written anew; nobody knows of those that were not here, or are not."""
    return len(old) == len(new) and any(a and b and a != b for a, b in zip(old, new, strict=True))


def _fault(path: Path) -> str:
    try:
        is_folder = path.is_dir()
    except OSError as exc:
        return f"{path}: {exc.strerror}"
    return f"{path} is a folder" if is_folder else f"there is no {path}"
