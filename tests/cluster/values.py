"""Values that make every key of the chart's schema be used, and odd ones for each of them. Pure."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.deploy.chart import Object

ODD_TEXTS = ("A b", "-a", "a/b:c", "UPPER", "ünï", "x" * 254, "a\nb", "{{ }}")
ODD_NUMBERS = (-1, 0, 70_000, 2**31)
ODD_AMOUNTS = ("1Xi", "-1Gi", "lots", "1e3", "0")


@dataclass(frozen=True, slots=True)
class Odd:
    """An odd value at a place: keys and numbers that lead to it."""

    path: tuple[str | int, ...]
    value: Any

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}={self.value!r:.40}"

    def within(self, values: Object) -> Object:
        """A copy of values that has it, and what is missing on the way there."""
        found = copy.deepcopy(values)
        at: Any = found
        for step, following in itertools.pairwise(self.path):
            if isinstance(at, list) and not at:
                at.append({})
            elif isinstance(at, dict) and step not in at:
                at[step] = [] if following == 0 else {}
            at = at[step]
        if isinstance(at, list):
            at[:] = [self.value]
        else:
            at[self.path[-1]] = self.value
        return found


def odd_values(schema: Object) -> Iterator[Odd]:
    """Of each key of a schema, at every depth; in lists those of the first thing."""
    yield from _odd(schema, schema, ())


def _odd(root: Object, part: Object, path: tuple[str | int, ...]) -> Iterator[Odd]:
    part = _resolved(root, part)
    if "properties" in part:
        for name, inner in part["properties"].items():
            yield from _odd(root, inner, (*path, name))
    elif "items" in part:
        yield from _odd(root, part["items"], (*path, 0))
    elif part.get("type") == "object":
        yield from (Odd((*path, key), "x") for key in ODD_TEXTS[:5])
        yield from (Odd((*path, "example.test/key"), value) for value in (*ODD_TEXTS, *ODD_AMOUNTS, 1, True))
    else:
        yield from (Odd(path, value) for value in _of_type(part))


def _of_type(part: Object) -> tuple[Any, ...]:
    types = {
        each.get("type") for each in (part, *part.get("anyOf", []), *part.get("oneOf", []), *part.get("allOf", []))
    }
    if "enum" in part or "boolean" in types:
        return ()
    if types & {"integer", "number"}:
        return ODD_NUMBERS
    return (*ODD_TEXTS, *ODD_AMOUNTS, "")


def _resolved(root: Object, part: Object) -> Object:
    while "$ref" in part:
        part = root["definitions"][part["$ref"].removeprefix("#/definitions/")]
    return part
