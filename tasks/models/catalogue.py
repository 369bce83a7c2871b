"""The catalogue: what models.yaml says of each model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from tasks.errors import ModelNotFound
from tasks.models import hub, models_file
from tasks.models.models_faults import Levels, told
from tasks.models.models_file import CatalogueError
from tasks.queue import task_names
from tasks.records.job import Operation
from tasks.texts import nearest

__all__ = ["Catalogue", "CatalogueError", "ModelEntry", "gguf_path", "has_file", "kind_for", "load"]

DEMO_PATH = "demo"
FAKE_PATH = "fake"
_SMALL = frozenset(operation for operation in Operation if not operation.needs_slot)
_OPERATIONS = {
    "generative": frozenset(operation for operation in Operation if operation.generates) | _SMALL,
    "embedding": frozenset({Operation.EMBEDDING, Operation.TOKENIZE, Operation.DETOKENIZE, Operation.TOKENIZER_INFO}),
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def kind_for(operation: Operation) -> str:
    """The first kind of models that may be asked for an operation."""
    return next(kind for kind, operations in _OPERATIONS.items() if operation in operations)


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("it must be seconds, or a number with s, m or h, such as 10m")
    return float(match[1]) * _UNITS[match[2]]


def _count(value: Any) -> Any:
    """`yes` is no number, though Python has one for it."""
    return str(value) if isinstance(value, bool) else value


def _path(value: str) -> str:
    if value.startswith(hub.SCHEME):
        hub.HubFile.parse(value)
    elif "://" in value:
        raise ValueError("a model must be a file on this machine, or hf://owner/repo/file.gguf")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError("a model's name may have letters, digits, '.', '_' and '-', 64 at most")
    if value in task_names.CLERK_QUEUES:
        raise ValueError(f"'{value}' is reserved for a queue of the clerk")
    return value


Count = Annotated[int, BeforeValidator(_count)]


class Workers(BaseModel):
    """How many workers a model may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Count = Field(1, ge=0)
    max: Count = Field(1, ge=1, validate_default=True)

    @field_validator("max")
    @classmethod
    def _ordered(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min", 0):
            raise ValueError(f"it is {value}, less than workers.min")
        return value


class ModelEntry(BaseModel):
    """One model of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, AfterValidator(_path)] = Field(
        description="A GGUF file, hf://owner/repo/file.gguf, or `demo` for the one that is built in."
    )
    kind: Literal["generative", "embedding"] = Field(
        "generative", description="What it makes: text, or vectors of texts."
    )
    slots: Count = Field(16, ge=1, le=128, description="Sequences decoded together.")
    context: Count = Field(4096, ge=64, description="Tokens a sequence may hold.")
    kv_tokens: Count | None = Field(
        None, ge=64, description="Tokens the cache holds in all; slots x context if left out."
    )
    share_prefixes: Literal["owner", "all"] = Field(
        "owner", description="Whose prompts share a prefix in the cache: those of one owner, or of all."
    )
    special_tokens_in_content: bool = Field(
        False, description="Whether special tokens are read in what a conversation says."
    )
    workers: Workers = Workers()
    keep_alive: Annotated[float, BeforeValidator(_seconds)] = Field(
        600.0, gt=0, allow_inf_nan=False, description="Seconds an idle model stays."
    )

    @field_validator("kv_tokens")
    @classmethod
    def _cache_holds_a_sequence(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and info.data.get("kind") == "embedding":
            raise ValueError("an embedding model keeps no cache: leave kv_tokens out")
        if value and value < info.data.get("context", 0):
            raise ValueError("it is less than context: a full sequence would not fit")
        return value

    @field_validator("special_tokens_in_content")
    @classmethod
    def _only_text_has_conversations(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("kind") == "embedding":
            raise ValueError("an embedding model has no conversations: leave special_tokens_in_content out")
        return value

    @property
    def cache_tokens(self) -> int:
        return self.kv_tokens or self.slots * self.context

    @property
    def lookahead(self) -> int:
        """Jobs a worker takes beyond its slots, so that a slot that falls free is filled at once."""
        return max(1, self.slots // 8)

    @property
    def operations(self) -> frozenset[Operation]:
        """What may be asked of it."""
        return _OPERATIONS[self.kind]


ModelName = Annotated[str, AfterValidator(_name)]


class _ModelsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[ModelName, ModelEntry] = Field(min_length=1)


_LEVELS: Levels = (
    ("the file", _ModelsFile),
    ("each model by its name", None),
    ("a model", ModelEntry),
    ("workers", Workers),
)


class Catalogue(Mapping[str, ModelEntry]):
    """The models by name. `find` is how a request's ``model`` is looked up."""

    def __init__(self, entries: Mapping[str, ModelEntry]) -> None:
        self._entries = MappingProxyType(dict(entries))

    def __getitem__(self, name: str) -> ModelEntry:
        return self._entries[name]

    def __iter__(self) -> Any:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str) -> ModelEntry:
        """The entry of a model; raises `ModelNotFound`, which lists those there are and names the nearest."""
        if name not in self._entries:
            known, near = ", ".join(sorted(self._entries)) or "none for this key", nearest(name, self._entries)
            hint = f"Did you mean '{near}'? " if near else ""
            raise ModelNotFound(f"There is no model '{name[:80]}'. {hint}This server has: {known}.", param="model")
        return self._entries[name]


DEMO = ModelEntry(path=DEMO_PATH, slots=16, context=1024, kv_tokens=8192)


def load(path: Path | None) -> Catalogue:
    """Read a models file; without one, the demo model alone. Raises `CatalogueError`."""
    if path is None:
        return Catalogue({"demo": DEMO})
    file = models_file.read(path)
    try:
        entries = _ModelsFile.model_validate(file.body).models
    except ValidationError as exc:
        raise CatalogueError(told(file, exc, _LEVELS)) from exc
    return Catalogue(
        {name: entry.model_copy(update={"path": _beside(file.path, entry.path)}) for name, entry in entries.items()}
    )


def gguf_path(entry: ModelEntry) -> Path:
    """Where the model's GGUF file lies; for one of the Hub's that is not downloaded, a path at which there is none."""
    if entry.path.startswith(hub.SCHEME):
        return hub.downloaded(entry.path) or Path(entry.path)
    return Path(str(files("tasks.models") / "demo" / "demo.gguf")) if entry.path == DEMO_PATH else Path(entry.path)


def has_file(entry: ModelEntry) -> bool:
    """Whether the model's file is there, on this machine, or can be downloaded by its worker."""
    return entry.path == FAKE_PATH or entry.path.startswith(hub.SCHEME) or gguf_path(entry).is_file()


def _beside(models_file: Path, path: str) -> str:
    """A relative path is meant from the models file."""
    elsewhere = path in (DEMO_PATH, FAKE_PATH) or path.startswith(hub.SCHEME)
    return path if elsewhere else str(models_file.parent / Path(path).expanduser())
