"""One model of the catalogue, as models.yaml describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tasks.models import gguf
from tasks.models.engine_keys import EngineKeys
from tasks.models.key_types import Count, ModelPath, Names, Seconds, Sums, Variables
from tasks.records.job import Operation
from tasks.records.sampling_ranges import SamplingDefaults

DEMO_PATH = "demo"
FAKE_PATH = "fake"
MOST_PRIORITY = 1000
_SMALL = frozenset(operation for operation in Operation if not operation.needs_slot)
_OF_TOKENS = (Operation.TOKENIZE, Operation.DETOKENIZE, Operation.TOKENIZER_INFO)
OPERATIONS = {
    "generative": frozenset(operation for operation in Operation if operation.generates) | _SMALL,
    "embedding": frozenset({Operation.EMBEDDING, *_OF_TOKENS}),
    "rerank": frozenset({Operation.RERANK, *_OF_TOKENS}),
}
"""What models of each kind may be asked for."""


def kind_for(operation: Operation) -> str:
    """The first kind of models that may be asked for an operation."""
    return next(kind for kind, operations in OPERATIONS.items() if operation in operations)


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


class ServingKeys(BaseModel):
    """What an entry says of the model's file, its slots and its workers, and of what requests may leave out."""

    path: ModelPath = Field(
        description="A GGUF file, hf://owner/repo/file.gguf, or `demo` for the one that is built in."
    )
    sha256: Sums = Field((), description="The SHA-256 of the file, or of each part, in hexadecimal.")
    kind: Literal["generative", "embedding", "rerank"] = Field(
        "generative", description="What it makes: text, vectors of texts, or scores of documents for a query."
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
    answer_cache: Seconds | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds for which an owner's equal requests get the same answer, if it is certain to be the same.",
    )
    keep_alive: Seconds = Field(600.0, gt=0, allow_inf_nan=False, description="Seconds an idle model stays.")
    priority: Count = Field(
        0,
        ge=-MOST_PRIORITY,
        le=MOST_PRIORITY,
        description="Which models stay longest where room is short: the highest.",
    )
    aliases: Names = Field((), description="Other names for requests, such as owner/model:tag.")
    tags: Names = Field((), description="Words that the list of models tells of it.")
    sampling: SamplingDefaults = SamplingDefaults()
    chat_template_kwargs: Variables = Field(
        {}, description="Variables of the chat template where a request does not name them."
    )

    @field_validator("sha256")
    @classmethod
    def _a_sum_for_each_file(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        path = info.data.get("path", "")
        if value and path in (DEMO_PATH, FAKE_PATH):
            raise ValueError(f"{path} is no file of yours: leave sha256 out")
        if value and len(value) != (count := len(gguf.parts(Path(path)))):
            raise ValueError(f"the model has {count} file{'s' * (count > 1)}, and there are {len(value)} sums")
        return value

    @field_validator("kv_tokens")
    @classmethod
    def _cache_holds_a_sequence(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and not _generates(info):
            raise ValueError("only a generative model keeps a cache: leave kv_tokens out")
        if value and value < info.data.get("context", 0):
            raise ValueError("it is less than context: a full sequence would not fit")
        return value

    @field_validator("special_tokens_in_content")
    @classmethod
    def _only_text_has_conversations(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not _generates(info):
            raise ValueError("only a generative model has conversations: leave special_tokens_in_content out")
        return value


def _generates(info: ValidationInfo) -> bool:
    """Whether the entry is one of a generative model, as far as it is known."""
    return bool(info.data.get("kind", "generative") == "generative")


class ModelEntry(EngineKeys, ServingKeys):
    """One model of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def cache_tokens(self) -> int:
        return self.kv_tokens or self.slots * self.context

    @property
    def lookahead(self) -> int:
        """Jobs a worker takes beyond its slots, so that a slot that falls free is filled at once."""
        return max(1, self.slots // 8)

    @property
    def generates(self) -> bool:
        """Whether it makes text, which takes a cache and samplers."""
        return self.kind == "generative"

    def adapted(self, name: str) -> list[str]:
        """What a request calls the model with each of its adapters, by one of the model's names."""
        return [f"{name}:{adapter}" for adapter in self.adapters]

    @property
    def operations(self) -> frozenset[Operation]:
        """What may be asked of it."""
        return OPERATIONS[self.kind]

    def written(self) -> dict[str, Any]:
        """What the file says of it, of which the same entry can be made again: as JSON has it, without defaults."""
        return self.model_dump(mode="json", exclude_unset=True)


DEMO = ModelEntry(path=DEMO_PATH, slots=16, context=1024, kv_tokens=8192)
