"""The keys of a catalogue entry that tell llama.cpp how to run the model: for each, an entry goes before the settings
of the worker's process, and those before llama.cpp's own defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from tasks.models.adapters import AdapterFiles
from tasks.models.cache_types import PLAIN, QUANTISED, CacheType
from tasks.models.key_types import Count
from tasks.models.prefix_cache import PrefixCaching

MOST_CARDS = 16
"""llama.cpp knows no more in one process."""
BATCH_TOKENS = 512
"""Rows of a step where an entry says nothing."""
ONE_KIND_ONLY = {
    "generative": {
        "threads_batch": "only a generative model decodes single tokens; set threads",
        "cache_type_k": "only a generative model keeps a cache",
        "cache_type_v": "only a generative model keeps a cache",
        "ubatch_tokens": "only a generative model computes a text in parts",
        "chat_template": "only a generative model has conversations",
        "speculation": "only a generative model drafts tokens",
        "prefix_cache": "only a generative model keeps prefixes",
        "adapters": "only a generative model has adapters",
    },
    "embedding": {"pooling": "only an embedding model makes vectors"},
}
"""Keys that models of one kind alone have, and why those of others have not."""


def _switch(value: Any) -> Any:
    """YAML reads `on` and `off` as true and false."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _shares(value: Any) -> Any:
    numbers = value if isinstance(value, list | tuple) else [None]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each < 1e9 for each in numbers):
        raise ValueError("it must be a list of numbers of 0 or more, one for each GPU")
    if not any(numbers) or len(numbers) > MOST_CARDS:
        raise ValueError(f"it must have a number above 0, and {MOST_CARDS} numbers at most")
    return tuple(numbers)


_SHARE = {"type": "number", "minimum": 0, "exclusiveMaximum": 1e9}

Switch = Annotated[
    Literal["on", "off", "auto"] | None,
    BeforeValidator(_switch),
    WithJsonSchema({"enum": ["on", "off", "auto", True, False, None]}),
]
Speculation = Annotated[
    Literal["auto", "lookup", "off"] | None,
    BeforeValidator(_switch),
    WithJsonSchema({"enum": ["auto", "lookup", "off", False, None]}),
]
Shares = Annotated[
    tuple[float, ...],
    BeforeValidator(_shares),
    WithJsonSchema(
        {"type": "array", "items": _SHARE, "contains": {"exclusiveMinimum": 0}, "minItems": 1, "maxItems": MOST_CARDS}
    ),
]


class EngineKeys(BaseModel):
    """What an entry says of threads, GPUs, the cache and batches. None is left to the settings, or to llama.cpp."""

    threads: Count | None = Field(
        None, ge=1, le=1024, description="CPU threads; those of CARAVAN_THREADS if left out, else all cores."
    )
    threads_batch: Count | None = Field(
        None, ge=1, le=1024, description="CPU threads that compute prompts; as many as `threads` if left out."
    )
    gpu_layers: Count | None = Field(
        None, ge=-1, le=10_000, description="Layers on GPUs, -1 for all; those of CARAVAN_GPU_LAYERS if left out."
    )
    main_gpu: Count | None = Field(
        None, ge=0, le=MOST_CARDS - 1, description="The one GPU, counted from 0, that has all of these layers."
    )
    tensor_split: Shares = Field((), description="The share of each GPU in these layers, such as [3, 1].")
    flash_attention: Switch = Field(
        None, description="Whether attention is computed without its whole matrix; auto leaves it to llama.cpp."
    )
    cache_type_k: CacheType = Field("f16", description="The format of keys in the cache.")
    cache_type_v: CacheType = Field("f16", description="The format of values in the cache.")
    mmap: bool | None = Field(None, description="Whether weights are mapped from the file, and not copied.")
    mlock: bool = Field(False, description="Whether weights are kept from being swapped out.")
    batch_tokens: Count | None = Field(
        None, ge=64, le=16_384, description=f"Tokens of a step, {BATCH_TOKENS} if left out."
    )
    ubatch_tokens: Count | None = Field(
        None, ge=32, le=16_384, description="Tokens of a step computed at once; all of them if left out."
    )
    rope_scaling: Literal["none", "linear", "yarn"] | None = Field(
        None,
        description="How positions beyond those of the training are told to the model; as its file says if left out.",
    )
    rope_scale: float | None = Field(
        None,
        ge=1,
        le=128,
        description="By how much the longest context grows: 2 is twice what the model was trained for.",
    )
    rope_freq_base: float | None = Field(
        None, gt=0, le=1e12, description="The base of positions' frequencies; as the model's file says if left out."
    )
    yarn_orig_context: Count | None = Field(
        None, ge=64, description="Tokens of the training before any scaling, for yarn; as the file says if left out."
    )
    chat_template: str | None = Field(
        None, min_length=1, description="The chat template: Jinja's text, or a file beside the models file."
    )
    speculation: Speculation = Field(
        None, description="Whether tokens are drafted that the text has had before; off if left out."
    )
    prefix_cache: PrefixCaching = Field(
        None,
        description="Memory for prefixes that have left the cells, such as 4GiB; or memory, folder and disk. "
        "Off if left out.",
    )
    adapters: AdapterFiles = Field(
        {}, description="LoRA adapters that requests may name: for each its file, or path and scale."
    )
    pooling: Literal["mean", "cls", "last", "none"] | None = Field(
        None,
        description="How an embedding model makes a text's vector of its tokens' ones; as its file says if left out.",
    )

    @field_validator(*(key for keys in ONE_KIND_ONLY.values() for key in keys))
    @classmethod
    def _fits_the_kind(cls, value: Any, info: ValidationInfo) -> Any:
        for kind, keys in ONE_KIND_ONLY.items():
            if value is not None and info.field_name in keys and info.data.get("kind", kind) != kind:
                raise ValueError(f"{keys[info.field_name]}: leave {info.field_name} out")
        return value

    @field_validator("tensor_split")
    @classmethod
    def _on_several_cards(cls, value: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if value and info.data.get("main_gpu") is not None:
            raise ValueError("main_gpu puts all layers on one GPU: leave one of the two out")
        return value

    @field_validator("cache_type_v")
    @classmethod
    def _values_can_be_read(cls, value: str, info: ValidationInfo) -> str:
        if value in QUANTISED and info.data.get("flash_attention") == "off":
            raise ValueError(f"values in {value} need flash attention: leave flash_attention out, or take {PLAIN}")
        return value

    @field_validator("rope_scale")
    @classmethod
    def _is_scaled_somehow(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value and value > 1 and info.data.get("rope_scaling") in (None, "none"):
            raise ValueError("set rope_scaling to linear or yarn with it, by which positions are scaled")
        return value

    @field_validator("yarn_orig_context")
    @classmethod
    def _is_for_yarn(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and info.data.get("rope_scaling") != "yarn":
            raise ValueError("it is for rope_scaling: yarn: leave yarn_orig_context out")
        return value

    @field_validator("batch_tokens")
    @classmethod
    def _has_a_row_for_each_sequence(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and value < info.data.get("slots", 0):
            raise ValueError("it is less than slots: each sequence takes a token of a step")
        return value

    @field_validator("ubatch_tokens")
    @classmethod
    def _is_part_of_a_batch(cls, value: int | None, info: ValidationInfo) -> int | None:
        most = info.data.get("batch_tokens") or BATCH_TOKENS
        if value and value > most:
            raise ValueError(f"it is more than batch_tokens, which is {most}")
        return value
