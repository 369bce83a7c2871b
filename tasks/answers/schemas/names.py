"""``propertyNames`` said by keywords that llguidance 1.9 knows."""

from __future__ import annotations

from typing import Any, Final

from tasks.answers.schemas.walk import Schema, resolve

_TELLING: Final = frozenset({"title", "description", "default", "examples", "deprecated", "$comment"})
"""Keywords that ask for nothing."""


def with_names(schema: Schema, root: Schema) -> Schema:
    """The schema with other keywords for ``propertyNames``, where there are some.

    There are for names that are listed, or that have a pattern or a length, or of which nothing is asked.
    """
    names = schema.get("propertyNames")
    if not isinstance(names, dict):
        return schema
    if names.keys() - _TELLING == {"$ref"}:
        names = resolve(root, names["$ref"]) or names
    made = {key: value for key, value in schema.items() if key != "propertyNames"}
    asked = names.keys() - _TELLING - {"type", "format"}
    if not asked and names.get("type", "string") == "string":
        return made
    if "enum" in asked or "const" in asked:
        return _listed(schema, made, [names["const"]] if "const" in names else names["enum"])
    pattern = _pattern(names, asked)
    if pattern is None or schema.keys() & {"properties", "patternProperties"}:
        return schema
    return {
        **made,
        "patternProperties": {pattern: made.get("additionalProperties", True)},
        "additionalProperties": False,
    }


def _listed(schema: Schema, made: Schema, names: Any) -> Schema:
    """Each name as a property of its own, so that none comes twice."""
    own, others = made.get("properties", {}), made.get("additionalProperties", True)
    known = isinstance(names, list) and isinstance(own, dict) and isinstance(made.get("required", []), list)
    if not known or "patternProperties" in made or any(each not in names for each in made.get("required", ())):
        return schema
    members = {name: own.get(name, others) for name in names if isinstance(name, str)}
    return {**made, "properties": members, "additionalProperties": False}


def _pattern(names: Schema, asked: set[str]) -> str | None:
    """A regular expression for the names; None if more is asked of them than a pattern or a length."""
    if asked == {"pattern"} and isinstance(names["pattern"], str):
        return str(names["pattern"])
    least, most = names.get("minLength", 0), names.get("maxLength")
    if asked <= {"minLength", "maxLength"} and isinstance(least, int) and isinstance(most, int | None):
        return f"^(?s:.){{{least},{'' if most is None else most}}}$"
    return None
