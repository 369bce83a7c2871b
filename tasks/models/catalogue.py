"""The catalogue: what models.yaml says of each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tasks.errors import InvalidRequest, ModelNotFound
from tasks.models import hub, models_file, template_file
from tasks.models.entry import DEMO, DEMO_PATH, FAKE_PATH, OPERATIONS, ModelEntry, Workers, kind_for
from tasks.models.key_types import ModelName
from tasks.models.models_faults import Levels, told
from tasks.models.models_file import CatalogueError
from tasks.records.job import Operation
from tasks.records.sampling_ranges import SamplingDefaults
from tasks.texts import nearest

__all__ = [
    "DEMO", "FAKE_PATH", "Catalogue", "CatalogueError", "ModelEntry", "ModelsBody", "Workers", "adapter_paths",
    "gguf_path", "has_file", "kind_for", "load", "load_here",
]  # fmt: skip


class ModelsBody(BaseModel):
    """What a models file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[ModelName, ModelEntry] = Field(min_length=1)

    @field_validator("models")
    @classmethod
    def _names_differ(cls, models: dict[str, ModelEntry]) -> dict[str, ModelEntry]:
        seen: dict[str, str] = {}
        for name, entry in models.items():
            for alias in entry.aliases:
                other = seen.setdefault(alias, name)
                if other != name or (alias in models and alias != name):
                    raise ValueError(
                        f"the alias '{alias}' of '{name}' is a name of '{other if other != name else alias}'"
                    )
        return models


_LEVELS: Levels = (
    ("the file", ModelsBody),
    ("each model by its name", None),
    ("a model", ModelEntry),
    {"workers": ("workers", Workers), "sampling": ("sampling", SamplingDefaults)},
)


class Catalogue(Mapping[str, ModelEntry]):
    """The models by name.

    Args:
        stand_ins: the model that answers for names that are not there, by kind.
        place: what has these models, as errors tell it.
    """

    def __init__(
        self,
        entries: Mapping[str, ModelEntry],
        *,
        stand_ins: Mapping[str, str] | None = None,
        place: str = "This server",
    ) -> None:
        self._entries = MappingProxyType(dict(entries))
        self._aliases = {alias: name for name, entry in entries.items() for alias in entry.aliases}
        self._stand_ins = dict(stand_ins or {})
        self._place = place

    def __getitem__(self, name: str) -> ModelEntry:
        return self._entries[name]

    def __iter__(self) -> Any:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def only(self, allowed: Callable[[str], bool]) -> Catalogue:
        """Those of the models that are allowed, as one who may use no others sees them."""
        return Catalogue(
            {name: entry for name, entry in self._entries.items() if allowed(name)},
            stand_ins={kind: name for kind, name in self._stand_ins.items() if allowed(name)},
            place=self._place,
        )

    def answering_any_name(self) -> Catalogue:
        """The same models; of a kind that has one alone, this one answers for every name that is not there."""
        kinds = {kind: [name for name, entry in self._entries.items() if entry.kind == kind] for kind in OPERATIONS}
        return Catalogue(self._entries, stand_ins={kind: names[0] for kind, names in kinds.items() if len(names) == 1})

    @property
    def scales(self) -> bool:
        """Whether workers of any model come and go by demand."""
        return any(entry.workers.min < entry.workers.max for entry in self._entries.values())

    @property
    def names(self) -> frozenset[str]:
        """What a request may call the models: their own names, and aliases."""
        plain = {**{name: name for name in self._entries}, **self._aliases}
        return frozenset({each for name, own in plain.items() for each in (name, *self._entries[own].adapted(name))})

    @property
    def listed(self) -> Mapping[str, str]:
        """The models' own names, each followed by those of it with an adapter; and of each the model's own name."""
        return {told: name for name, entry in self._entries.items() for told in (name, *entry.adapted(name))}

    def find(self, name: str) -> ModelEntry:
        """The entry of a model, by its name or an alias.

        Raises `ModelNotFound`, which lists those there are and names the nearest.
        """
        return self._entries[self.name_of(name)]

    def name_of(self, name: str) -> str:
        """A model's own name, by its name or an alias, also with an adapter; raises `ModelNotFound` as `find` does."""
        own = self._named(name)[0]
        if own is None:
            near = nearest(name, self.names)
            hint = f"Did you mean '{near}'? " if near else ""
            raise ModelNotFound(f"There is no model '{name[:80]}'. {hint}{self._told()}", param="model")
        return own

    def adapter_of(self, name: str) -> str | None:
        """The adapter that a name has behind its model's, as in ``model:adapter``; None if it has none."""
        return self._named(name)[1]

    def _named(self, name: str) -> tuple[str | None, str | None]:
        """The own name of a model, and the adapter, that a name means; None if it means none."""
        own = name if name in self._entries else self._aliases.get(name)
        if own is not None:
            return own, None
        before, _, adapter = name.rpartition(":")
        own = before if before in self._entries else self._aliases.get(before)
        return (own, adapter) if own is not None and adapter in self._entries[own].adapters else (None, None)

    def asked(self, name: str, operation: Operation) -> str:
        """The own name of the model that a request asks for an operation; its ``model`` is '' if it names none.

        Raises:
            InvalidRequest: it names none, and there is more than one that could answer, or none.
            ModelNotFound: as `find` does.
        """
        kind = kind_for(operation)
        if not name:
            able = [own for own, entry in self._entries.items() if operation in entry.operations]
            able = [own for own in able if self._entries[own].kind == kind] or able
            if len(able) != 1:
                raise InvalidRequest(f"This call needs a model of kind '{kind}'. {self._told()}", param="model")
            return able[0]
        stand_in = self._stand_ins.get(kind)
        if stand_in and self._named(name)[0] is None and not self._means_adapter(name, stand_in):
            return stand_in
        return self.name_of(name)

    def _means_adapter(self, name: str, stand_in: str) -> bool:
        """Whether a name that is not there is one of an adapter, which must not be left out in silence."""
        before, _, after = name.rpartition(":")
        return after in self._entries[stand_in].adapters or (before in self.names and bool(self.find(before).adapters))

    def _told(self) -> str:
        return f"{self._place} has: {', '.join(sorted(self._entries)) or 'none for this key'}."


def load_here(path: Path | None) -> Catalogue:
    """The same as `load`, for a command that asks no server: errors name the file in the place of one."""
    return Catalogue(load(path), place=path.name if path else "Without a models.yaml Caravan")


def load(path: Path | None) -> Catalogue:
    """Read a models file; without one, the demo model alone. Raises `CatalogueError`."""
    if path is None:
        return Catalogue({"demo": DEMO})
    file = models_file.read(path)
    try:
        entries = ModelsBody.model_validate(file.body).models
    except ValidationError as exc:
        raise CatalogueError(told(file, exc, _LEVELS)) from exc
    return Catalogue({name: _placed(file, name, entry) for name, entry in entries.items()})


def gguf_path(entry: ModelEntry) -> Path:
    """Where the model's GGUF file lies; for one of the Hub's that is not downloaded, a path at which there is none."""
    if entry.path.startswith(hub.SCHEME):
        return hub.downloaded(entry.path) or Path(entry.path)
    return Path(str(files("tasks.models") / "demo" / "demo.gguf")) if entry.path == DEMO_PATH else Path(entry.path)


def adapter_paths(entry: ModelEntry) -> Mapping[str, Path]:
    """Where the files of an entry's adapters lie, as `gguf_path` tells it of the model's; none of a fake model's."""
    if entry.path == FAKE_PATH:
        return {}
    return {name: _path_of(adapter.path) for name, adapter in entry.adapters.items()}


def _path_of(path: str) -> Path:
    return (path.startswith(hub.SCHEME) and hub.downloaded(path)) or Path(path)


def has_file(entry: ModelEntry) -> bool:
    """Whether the model's file is there, on this machine, or can be downloaded by its worker."""
    return entry.path == FAKE_PATH or entry.path.startswith(hub.SCHEME) or _is_file(gguf_path(entry))


def _is_file(path: Path) -> bool:
    """No as well of a path that is too long, or that goes through a folder that we may not read."""
    try:
        return path.is_file()
    except OSError:
        return False


def _from(file: models_file.ModelsFile, path: str) -> str:
    """A path that is meant from the models file; one of the Hub's as it is."""
    return path if path.startswith(hub.SCHEME) else str(file.path.parent / template_file.of_user(path))


def _placed(file: models_file.ModelsFile, name: str, entry: ModelEntry) -> ModelEntry:
    """An entry with the files that it names: relative paths are meant from the models file. Raises `CatalogueError`."""
    path, told = entry.path, dict[str, Any]()
    if path not in (DEMO_PATH, FAKE_PATH):
        told["path"] = _from(file, path)
    if entry.adapters:
        told["adapters"] = {
            adapter: each.model_copy(update={"path": _from(file, each.path)})
            for adapter, each in entry.adapters.items()
        }
    if entry.prefix_cache and entry.prefix_cache.folder:
        folder = _from(file, entry.prefix_cache.folder)
        told["prefix_cache"] = entry.prefix_cache.model_copy(update={"folder": folder})
    if entry.chat_template is not None:
        try:
            told["chat_template"] = template_file.text(entry.chat_template, file.path.parent)
        except template_file.Unreadable as exc:
            line = file.line(("models", name, "chat_template"))
            raise CatalogueError(f"{file.path}, line {line}: models.{name}.chat_template: {exc}") from exc
    return entry.model_copy(update=told)
