"""Random JSON schemas: nested objects, arrays, enums, numbers, references, optional fields."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

NAMES = ("name", "age", "city", "tags", "items", "size", "kind", "owner", "a b", 'quo"ted', "größe")
WORDS = ("red", "green", "blue", "12", "", "two words", "ü")


def random_schema(seed: int) -> dict[str, Any]:
    """A schema of an object; the same for the same seed."""
    rng = random.Random(seed)
    schema = _object(rng, depth=3)
    definitions = {f"def{number}": _value(rng, depth=1) for number in range(2)}
    if rng.random() < 0.5:
        schema["$defs"] = definitions
        name = rng.choice(NAMES)
        schema["properties"][name] = {"$ref": f"#/$defs/{rng.choice(sorted(definitions))}"}
        schema["required"] = sorted({*schema["required"], name})
    return schema


def _value(rng: random.Random, *, depth: int) -> dict[str, Any]:
    makers: list[Callable[..., dict[str, Any]]] = [_string, _integer, _number, _enum, _plain]
    if depth:
        makers += [_array, _object, _any_of]
    return rng.choice(makers)(rng, depth=depth)


def _object(rng: random.Random, *, depth: int) -> dict[str, Any]:
    names = rng.sample(NAMES, rng.randint(1, 4))
    return {
        "type": "object",
        "properties": {name: _value(rng, depth=depth - 1) for name in names},
        "required": sorted(name for name in names if rng.random() < 0.6),
        "additionalProperties": False,
    }


def _array(rng: random.Random, *, depth: int) -> dict[str, Any]:
    least = rng.randint(0, 2)
    items = _value(rng, depth=depth - 1)
    return {"type": "array", "items": items, "minItems": least, "maxItems": least + rng.randint(0, 2)}


def _any_of(rng: random.Random, *, depth: int) -> dict[str, Any]:
    return {"anyOf": [_value(rng, depth=depth - 1) for _ in range(2)]}


def _string(rng: random.Random, **_: Any) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [{"maxLength": rng.randint(1, 12)}, {"pattern": "^[a-c]{2,5}$"}, {"format": "date"}]
    return {"type": "string", **rng.choice(choices)}


def _integer(rng: random.Random, **_: Any) -> dict[str, Any]:
    low = rng.randint(-50, 50)
    return {"type": "integer", "minimum": low, "maximum": low + rng.randint(0, 1000)}


def _number(rng: random.Random, **_: Any) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "exclusiveMaximum": rng.choice([1, 10, 2.5])}


def _enum(rng: random.Random, **_: Any) -> dict[str, Any]:
    return {"enum": [*rng.sample(WORDS, 3), rng.randint(0, 9), None, True]}


def _plain(rng: random.Random, **_: Any) -> dict[str, Any]:
    return rng.choice([{"type": "boolean"}, {"type": "null"}, {"const": rng.choice(WORDS)}])
