"""What a JSON schema says of the answers' columns: the properties of an answer, and the type of each.

References, `allOf`, `anyOf` and `oneOf` are followed. Nothing is judged here: the server does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from app.bulk.column_types import json_field, of_json

Schema = Any
"""A JSON schema, or what stands where one should."""
_SIMPLE = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_NOTHING = frozenset[str]()
MOST_DEPTH = 32


class AnswerSchema:
    """The schema that answers follow."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def fields(self, column: str) -> tuple[pa.Schema, bool]:
        """The columns, and whether each is a property: else there is one, `column`, for the whole answer."""
        found = self._properties(self._root, _NOTHING)
        if not found:
            return pa.schema([self._field(column, [self._root])]), False
        return pa.schema([self._field(name, each) for name, each in found.items()]), True

    def _field(self, name: str, schemas: Iterable[Schema]) -> pa.Field:
        kind = _common(self._type(each, 0) for each in schemas)
        return json_field(name) if kind is None else pa.field(name, pa.string() if pa.types.is_null(kind) else kind)

    # -- properties

    def _properties(self, schema: Schema, seen: frozenset[str]) -> dict[str, list[Schema]] | None:
        """What an answer's properties may be; None if it need not be an object, or has none that are named."""
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            return None
        found: dict[str, list[Schema]] = {}
        for name, each in _dict(schema.get("properties")).items():
            found.setdefault(name, []).append(each)
        for part in self._parts(schema, seen):
            for name, schemas in (part or {}).items():
                found.setdefault(name, []).extend(schemas)
        return found or None

    def _parts(self, schema: dict[str, Any], seen: frozenset[str]) -> Iterator[dict[str, list[Schema]] | None]:
        """The properties by those keywords that hold together with the schema's own."""
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            yield self._properties(self._at(reference), seen | {reference})
        for each in _list(schema.get("allOf")):
            yield self._properties(each, seen)
        for word in ("anyOf", "oneOf"):
            yield self._branches(_list(schema.get(word)), seen, alone="properties" not in schema)

    def _branches(self, branches: list[Schema], seen: frozenset[str], *, alone: bool) -> dict[str, list[Schema]] | None:
        """Those of any branch. If nothing else says that there are properties, each branch has to."""
        found: dict[str, list[Schema]] = {}
        for each in branches:
            properties = self._properties(each, seen)
            if properties is None and alone:
                return None
            for name, schemas in (properties or {}).items():
                found.setdefault(name, []).extend(schemas)
        return found

    def _at(self, reference: str) -> Schema:
        """What a reference within the schema refers to: a JSON pointer (RFC 6901), or an anchor."""
        if not reference.startswith("#"):
            return None
        if reference != "#" and not reference.startswith("#/"):
            return next(_anchored(self._root, reference[1:]), None)
        found: Any = self._root
        for step in reference.split("/")[1:]:
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(step)] if step.isdecimal() and int(step) < len(found) else None
            else:
                found = _dict(found).get(step)
        return found

    # -- types

    def _type(self, schema: Schema, depth: int) -> pa.DataType | None:
        """The type of what a schema allows beside null; None for what goes into JSON; of null alone, null's."""
        if not isinstance(schema, dict) or depth > MOST_DEPTH:
            return None
        if "const" in schema or "enum" in schema:
            kind = of_json([schema["const"]] if "const" in schema else _list(schema["enum"]))
            return kind if kind is not None and not pa.types.is_nested(kind) else None
        if "type" in schema:
            return self._of_types(schema, depth)
        for word in ("anyOf", "oneOf"):
            if branches := _list(schema.get(word)):
                return _common(self._type(each, depth + 1) for each in branches)
        conjuncts = [*_list(schema.get("allOf")), *([self._at(schema["$ref"])] if _refers(schema) else [])]
        return next((kind for each in conjuncts if (kind := self._type(each, depth + 1)) is not None), None)

    def _of_types(self, schema: dict[str, Any], depth: int) -> pa.DataType | None:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        found = [pa.null() if name == "null" else _SIMPLE.get(name) for name in names if name != "array"]
        if "array" in names:
            inner = None if "prefixItems" in schema else self._type(schema.get("items"), depth + 1)
            found.append(None if inner is None else pa.list_(pa.string() if pa.types.is_null(inner) else inner))
        return _common(found)


def _common(found: Iterable[pa.DataType | None]) -> pa.DataType | None:
    """The one type of several, nulls aside; integers are numbers."""
    kinds = {kind for kind in found if kind is None or not pa.types.is_null(kind)}
    if kinds == {pa.int64(), pa.float64()}:
        return pa.float64()
    return kinds.pop() if len(kinds) == 1 else None if kinds else pa.null()


def _anchored(schema: Schema, name: str) -> Iterator[Schema]:
    if isinstance(schema, list):
        for each in schema:
            yield from _anchored(each, name)
    if isinstance(schema, dict):
        if name in (schema.get("$anchor"), schema.get("$dynamicAnchor")):
            yield schema
        for each in schema.values():
            yield from _anchored(each, name)


def _refers(schema: dict[str, Any]) -> bool:
    return isinstance(schema.get("$ref"), str)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
