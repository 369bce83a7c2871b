"""Leaving out what a JSON schema says without asking for anything, and saying the rest as llguidance has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tasks.answers.schemas.bounds import with_exact_bounds
from tasks.answers.schemas.names import with_names
from tasks.answers.schemas.walk import Schema, rebuilt

FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "unknown")
)
"""The formats that llguidance 1.9 knows. By JSON Schema any other asks for nothing."""

_MEANS_NULL: Final = frozenset({"const", "default", "enum", "examples", "example"})
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOTH: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)
_NOT_FOR_US: Final = ("$schema", "x-guidance")
_ANYTHING: Final[tuple[Any, ...]] = (True, {})


def tidied(root: Mapping[str, Any]) -> Schema:
    """The schema without keywords that ask for nothing. What is not understood is left as it is."""
    whole = dict(root)
    return _tidied(whole, whole)


def without_contradictions(schema: Schema) -> Schema:
    """The schema without pairs of bounds that no value meets: what has them could not be written at all."""
    made = rebuilt(schema, without_contradictions)
    for least, most in _BOTH:
        low, high = made.get(least), made.get(most)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            _drop(made, least, most)
    for key in ("enum", "type", "anyOf", "oneOf"):
        if made.get(key) == []:
            del made[key]
    return made


def _tidied(schema: Schema, root: Schema) -> Schema:
    made = {key: value for key, value in schema.items() if value is not None or key in _MEANS_NULL}
    for key in _NOT_FOR_US:
        made.pop(key, None)
    _leave_out(made)
    for key in _COUNTS:
        if isinstance(made.get(key), float) and made[key].is_integer():
            made[key] = int(made[key])
    return with_exact_bounds(with_names(rebuilt(made, lambda child: _tidied(child, root)), root))


def _leave_out(schema: Schema) -> None:
    """Drop the keywords that ask for nothing."""
    if schema.get("uniqueItems") is False:
        del schema["uniqueItems"]
    if not isinstance(schema.get("format", ""), str) or schema.get("format", "date") not in FORMATS:
        schema.pop("format", None)
    if schema.get("not") is False:
        del schema["not"]
    if "contains" not in schema or (schema.get("minContains") == 0 and "maxContains" not in schema):
        _drop(schema, "contains", "minContains", "maxContains")
    if "if" not in schema or all(schema.get(key, True) in _ANYTHING for key in ("then", "else")):
        _drop(schema, "if", "then", "else")
    for key in ("unevaluatedProperties", "unevaluatedItems", "propertyNames", "additionalItems"):
        if key in schema and schema[key] in _ANYTHING:
            del schema[key]
    if not isinstance(schema.get("items"), list):
        _drop(schema, "additionalItems")
    for key in ("dependentRequired", "dependentSchemas", "dependencies"):
        wanted = schema.get(key)
        if isinstance(wanted, dict) and all(each in (*_ANYTHING, []) for each in wanted.values()):
            del schema[key]


def _drop(schema: Schema, *keys: str) -> None:
    for key in keys:
        schema.pop(key, None)
