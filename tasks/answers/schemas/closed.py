"""Closing objects: one that lists its properties, and says nothing of others, has no others.

By JSON Schema it may have any. Generators leave the keyword out and mean it so, and a model that is free to invent
properties does so until its tokens end. llama.cpp, vLLM and SGLang read such schemas the same way.
"""

from __future__ import annotations

import itertools
from typing import Any

from tasks.answers.schemas.walk import Schema, children, rebuilt, resolve

_OTHERS = ("additionalProperties", "patternProperties", "unevaluatedProperties")
_QUESTIONS = ("if", "not")
"""What is under these does not describe the value."""


def closed(root: Schema) -> Schema:
    """The schema with ``additionalProperties: false`` where an object lists its properties and is all there is of it.

    Where several schemas describe one object together (the members of an ``allOf``, or properties beside an ``anyOf``
    that has some as well), each leaves room for the others.
    """
    parts = _Parts(root)
    parts.look(root)
    return _closed(root, parts.found)


def _closed(schema: Schema, parts: set[int]) -> Schema:
    made = rebuilt(schema, lambda child: _closed(child, parts))
    own = made.get("properties")
    if not isinstance(own, dict) or id(schema) in parts or any(key in made for key in _OTHERS):
        return made
    required = made.get("required")
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in own:
            made["properties"] = {**made["properties"], name: {}}
    made["additionalProperties"] = False
    return made


class _Parts:
    """Which schemas of a document describe an object together with others."""

    def __init__(self, root: Schema) -> None:
        self.found: set[int] = set()
        self._root, self._seen = root, set[tuple[int, bool]]()
        self._says: dict[int, bool] = {}

    def look(self, schema: Schema, *, part: bool = False) -> None:
        """Go through a schema, which is a part if `part`."""
        if (id(schema), part) in self._seen:
            return
        self._seen.add((id(schema), part))
        beside = self._beside(schema)
        part = part or _lists(schema) + sum(any(map(self._speaks, group)) for group in beside) > 1
        if part:
            self.found.add(id(schema))
        for each in itertools.chain(*beside):
            self.look(each, part=part)
        here = {id(each) for group in beside for each in group}
        for steps, child in children(schema):
            if id(child) not in here:
                self.look(child, part=steps[0] in _QUESTIONS)

    def _beside(self, schema: Schema) -> list[list[Schema]]:
        """What else describes the same value: groups, of each of which one holds."""
        groups = [[each] for each in _objects(schema.get("allOf"))]
        groups += [_objects(schema.get(key)) for key in ("anyOf", "oneOf")]
        groups.append(_objects([schema.get(key) for key in ("then", "else")]))
        if isinstance(schema.get("dependentSchemas"), dict):
            groups.append(_objects(list(schema["dependentSchemas"].values())))
        if (target := resolve(self._root, schema.get("$ref"))) is not None:
            groups.append([target])
        return groups

    def _speaks(self, schema: Schema) -> bool:
        """Whether a schema, or what stands beside it, has something to say about properties."""
        if id(schema) not in self._says:
            self._says[id(schema)] = _lists(schema)  # while it is looked at: it may refer to itself
            beside = itertools.chain(*self._beside(schema))
            self._says[id(schema)] = _lists(schema) or any(map(self._speaks, beside))
        return self._says[id(schema)]


def _lists(schema: Schema) -> bool:
    return any(key in schema for key in ("properties", *_OTHERS))


def _objects(schemas: Any) -> list[Schema]:
    return [each for each in schemas if isinstance(each, dict)] if isinstance(schemas, list) else []
