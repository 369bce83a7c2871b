"""The catalogue: what models.yaml says of each model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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

from tasks.errors import InvalidRequest, ModelNotFound
from tasks.models import hub, models_file
from tasks.models.models_faults import Levels, told
from tasks.models.models_file import CatalogueError
from tasks.queue import task_names
from tasks.records.job import Operation
from tasks.records.sampling_ranges import SamplingDefaults
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


def _names(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("it must be a list of texts")
    if not all(re.fullmatch(r"[^\s\x00-\x1f\x7f]{1,256}", each) for each in value):
        raise ValueError("an alias or a tag may have 256 characters, without blanks")
    return value


def _variables(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value):
        raise ValueError("it must be a mapping with each variable by its name")
    return value


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
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


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
    aliases: Names = Field((), description="Other names for requests, such as owner/model:tag.")
    tags: Names = Field((), description="Words that the list of models tells of it.")
    sampling: SamplingDefaults = SamplingDefaults()
    chat_template_kwargs: Annotated[dict[str, Any], BeforeValidator(_variables)] = Field(
        {}, description="Variables of the chat template where a request does not name them."
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
    ("the file", _ModelsFile),
    ("each model by its name", None),
    ("a model", ModelEntry),
    {"workers": ("workers", Workers), "sampling": ("sampling", SamplingDefaults)},
)


class Catalogue(Mapping[str, ModelEntry]):
    """The models by name.

    Args:
        stand_ins: the model that answers for names that are not there, by kind.
    """

    def __init__(self, entries: Mapping[str, ModelEntry], *, stand_ins: Mapping[str, str] | None = None) -> None:
        self._entries = MappingProxyType(dict(entries))
        self._aliases = {alias: name for name, entry in entries.items() for alias in entry.aliases}
        self._stand_ins = dict(stand_ins or {})

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
        )

    def answering_any_name(self) -> Catalogue:
        """The same models; of a kind that has one alone, this one answers for every name that is not there."""
        kinds = {kind: [name for name, entry in self._entries.items() if entry.kind == kind] for kind in _OPERATIONS}
        return Catalogue(self._entries, stand_ins={kind: names[0] for kind, names in kinds.items() if len(names) == 1})

    @property
    def names(self) -> frozenset[str]:
        """What a request may call the models: their own names, and aliases."""
        return frozenset({*self._entries, *self._aliases})

    def find(self, name: str) -> ModelEntry:
        """The entry of a model, by its name or an alias.

        Raises `ModelNotFound`, which lists those there are and names the nearest.
        """
        return self._entries[self.name_of(name)]

    def name_of(self, name: str) -> str:
        """A model's own name, by its name or an alias; raises `ModelNotFound` as `find` does."""
        own = name if name in self._entries else self._aliases.get(name)
        if own is None:
            near = nearest(name, [*self._entries, *self._aliases])
            hint = f"Did you mean '{near}'? " if near else ""
            raise ModelNotFound(f"There is no model '{name[:80]}'. {hint}{self._told()}", param="model")
        return own

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
        if name not in self._entries and name not in self._aliases and kind in self._stand_ins:
            return self._stand_ins[kind]
        return self.name_of(name)

    def _told(self) -> str:
        return f"This server has: {', '.join(sorted(self._entries)) or 'none for this key'}."


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
