"""What the heads of a model's files say of it, without loading anything (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.models import gguf_types
from tasks.models.gguf import Head, Passed

POOLING, RANK = "pooling_type", 4
"""The key for how a text's vector is made, and llama.cpp's number for a score instead."""
CLASSIFIERS = frozenset({"cls.weight", "cls.output.weight"})
"""The matrices of which llama.cpp computes a score."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A model by its files. What they do not say is None, or ''."""

    name: str
    architecture: str
    parameters: int
    quantisation: str
    context: int | None
    """Tokens of the longest sequence that it was trained for."""
    layers: int | None
    width: int | None
    """Numbers of an embedding."""
    heads: int | None
    """The most of a layer; so are `kv_heads`."""
    kv_heads: int | None
    experts: int | None
    experts_used: int | None
    """Of `experts`, for a token."""
    vocabulary: int | None
    """Tokens."""
    tokenizer: str
    chat_template: bool
    makes_vectors: bool
    """Whether its file says how the vectors of a text's tokens become one: it is an embedding model."""
    scores_pairs: bool
    """Whether it has a classifier, and its file does not say that it makes vectors: it is a reranker."""
    licence: str


def of(heads: Sequence[Head]) -> Facts:
    """The facts, by the heads of all its files, the first first."""
    fields = heads[0].fields
    family = _text(fields.get("general.architecture"))

    def own(key: str) -> Any:
        return fields.get(f"{family}.{key}")

    tensors = [tensor for head in heads for tensor in head.tensors]
    return Facts(
        name=_text(fields.get("general.name")),
        architecture=family,
        parameters=gguf_types.num_weights(tensors),
        quantisation=gguf_types.quantisation(fields.get("general.file_type"), tensors),
        context=_number(own("context_length")),
        layers=_number(own("block_count")),
        width=_number(own("embedding_length")),
        heads=_number(own("attention.head_count")),
        kv_heads=_number(own("attention.head_count_kv")) or _number(own("attention.head_count")),
        experts=_number(own("expert_count")) or None,
        experts_used=_number(own("expert_used_count")) or None,
        vocabulary=_count(fields.get("tokenizer.ggml.tokens")) or _number(own("vocab_size")),
        tokenizer=_tokenizer(fields),
        chat_template=bool({"tokenizer.chat_template", "tokenizer.chat_templates"} & fields.keys()),
        makes_vectors=bool(own(POOLING)) and own(POOLING) != RANK,
        scores_pairs=own(POOLING) in (None, 0, RANK) and has_classifier(heads),
        licence=_text(fields.get("general.license")),
    )


def has_classifier(heads: Sequence[Head]) -> bool:
    """Whether the model of these heads can score pairs of texts."""
    return any(tensor.name in CLASSIFIERS for head in heads for tensor in head.tensors)


def _tokenizer(fields: Mapping[str, Any]) -> str:
    model, pieces = (_text(fields.get(f"tokenizer.ggml.{key}")) for key in ("model", "pre"))
    return f"{model} ({pieces})" if model and pieces else model


def _number(value: Any) -> int | None:
    """A file may have a number for each layer."""
    if isinstance(value, list):
        value = max((each for each in value if _is_number(each)), default=None)
    return int(value) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(value: Any) -> int | None:
    return value.count if isinstance(value, Passed) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
