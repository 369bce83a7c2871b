"""Where the subschemas of a JSON schema are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

Schema = dict[str, Any]
Step = str | int

ONE: Final = (
    "additionalProperties",
    "additionalItems",
    "items",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
MANY: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
NAMED: Final = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
DEFINITIONS: Final = ("$defs", "definitions")


def children(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], Schema]]:
    """The subschemas that are objects, each with the steps to it."""
    for key in ONE:
        if isinstance(schema.get(key), dict):
            yield (key,), schema[key]
    for key in MANY:
        if isinstance(schema.get(key), list):
            yield from (((key, at), each) for at, each in enumerate(schema[key]) if isinstance(each, dict))
    for key in NAMED:
        if isinstance(schema.get(key), dict):
            yield from (((key, name), each) for name, each in schema[key].items() if isinstance(each, dict))


def rebuilt(schema: Mapping[str, Any], change: Callable[[Schema], Any]) -> Schema:
    """A copy in which each subschema that is an object is what `change` makes of it."""
    made = dict(schema)
    for steps, child in children(schema):
        if len(steps) == 1:
            made[str(steps[0])] = change(child)
            continue
        key, at = str(steps[0]), steps[1]
        if made[key] is schema[key]:
            made[key] = schema[key].copy()
        made[key][at] = change(child)
    return made


def replaced(schema: Schema, path: tuple[Step, ...], value: Any) -> Any:
    """A copy with another value at the end of a path."""
    if not path:
        return value
    made: Any = schema.copy()
    made[path[0]] = replaced(made[path[0]], path[1:], value)
    return made


def pointer(path: tuple[Step, ...]) -> str:
    """A path as the fragment of a URI, ``#/properties/a``."""
    return "#" + "".join(f"/{quote(str(step).replace('~', '~0').replace('/', '~1'), safe='~$')}" for step in path)


def resolve(root: Schema, reference: Any) -> Schema | None:
    """The subschema that a ``$ref`` into its own document names, if it is there and an object."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    at: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and step in at:
            at = at[step]
        elif isinstance(at, list) and step.isdecimal() and int(step) < len(at):
            at = at[int(step)]
        else:
            return None
    return at if isinstance(at, dict) and (reference == "#" or "/" in reference) else None
