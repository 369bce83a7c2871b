"""The JSON Schema of models.yaml, made of what reads it, for editors that check and complete the file.

It cannot say what depends on two values (`kv_tokens` is `context` at least), on other entries (an alias is one model's)
or on files. And it takes no numbers and switches in quotes, which are read as if they had none.
"""

from __future__ import annotations

from typing import Any

from tasks.models.cache_types import QUANTISED
from tasks.models.catalogue import ModelsBody
from tasks.models.engine_keys import ONE_KIND_ONLY
from tasks.models.key_types import NAME_PATTERN
from tasks.models.prefix_cache import OFF
from tasks.queue.task_names import CLERK_QUEUES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""What pydantic (2.14) writes of an optional number that a function looks at as well, and what JSON Schema calls it."""


def schema() -> Schema:
    """A JSON Schema of the dialect 2020-12."""
    made = _tidy(ModelsBody.model_json_schema())
    models = made["properties"]["models"]
    models["propertyNames"] = {"pattern": f"^{NAME_PATTERN}$", "not": {"enum": sorted(CLERK_QUEUES)}}
    made["$defs"]["ModelEntry"]["allOf"] = _rules()
    about = {
        "$schema": DIALECT,
        "title": "models.yaml",
        "description": "The models that Caravan serves, each by its name.",
    }
    return {**about, **made}


def _rules() -> list[Schema]:
    """What keys have to do with each other."""
    embedding = {"properties": {"kind": {"const": "embedding"}}, "required": ["kind"]}
    keys = {kind: {key: {"type": "null"} for key in keys} for kind, keys in ONE_KIND_ONLY.items()}
    no_cache = {
        "prefix_cache": {"enum": [*OFF]},
        "kv_tokens": {"type": "null"},
        "special_tokens_in_content": {"const": False},
    }
    off = {"properties": {"flash_attention": {"enum": ["off", False]}}, "required": ["flash_attention"]}
    one_card = {"properties": {"main_gpu": {"type": "integer"}}, "required": ["main_gpu"]}
    return [
        {
            "if": {"properties": {"kind": {"enum": ["embedding", "rerank"]}}, "required": ["kind"]},
            "then": {"properties": {**keys["generative"], **no_cache}},
        },
        {"if": embedding, "else": {"properties": keys["embedding"]}},
        {"if": off, "then": {"properties": {"cache_type_v": {"not": {"enum": sorted(QUANTISED)}}}}},
        {"if": one_card, "then": {"not": {"required": ["tensor_split"]}}},
    ]


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Without what says nothing: titles, which are the keys again, and defaults that are no single value.

    Args:
        names: whether the keys of the node are names, and not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _tidy(value) for key, value in node.items()}
    return {
        _BOUNDS.get(key, key): _tidy(value, names=key in ("properties", "$defs"))
        for key, value in node.items()
        if key != "title" and not (key == "default" and (value is None or isinstance(value, dict | list)))
    }
