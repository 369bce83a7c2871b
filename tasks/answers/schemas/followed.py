"""What of a JSON schema can be followed: finding the keyword that cannot, to name it or to leave it to the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tasks.answers.schemas.bounds import inexact
from tasks.answers.schemas.closed import closed
from tasks.answers.schemas.tidy import tidied, without_contradictions
from tasks.answers.schemas.walk import DEFINITIONS, Schema, Step, children, pointer, replaced

Check = Callable[[Schema], str | None]
"""Says why a schema cannot be followed, if it cannot."""

ANY_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}
SECONDS: Final = 0.25
"""How long to look for what cannot be followed. The caller is a request, or a job, that waits."""

_WHOLE: Final = "urn:caravan:schema"
"""Names the schema when a part of it is tried alone, with what it refers to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be followed: a keyword, or all that stands at a path where no single one is to blame."""

    path: tuple[Step, ...]
    keyword: str | None
    reason: str

    def __str__(self) -> str:
        where = pointer(self.path)
        return f"'{self.keyword}' at {where}: {self.reason}" if self.keyword else f"{where}: {self.reason}"


class Unfollowed(Exception):
    """Raised for a schema that is to be followed to the letter, and cannot be; the fault is the only argument."""


def followed(schema: Mapping[str, Any], check: Check, *, strict: bool) -> Schema:
    """The schema as it can be followed: objects closed, and without keywords that ask for nothing.

    Args:
        schema: as it was sent.
        check: what says whether one can be followed.
        strict: whether all of it must be followed. Else what cannot be is left out, keyword by keyword.

    Raises:
        Unfollowed: it is strict.
    """
    made = tidied(schema)
    made = closed(made if strict else without_contradictions(made))
    until = time.monotonic() + SECONDS
    while (fault := _fault(made, check, until)) is not None:
        if strict:
            raise Unfollowed(fault)
        if not fault.path and fault.keyword is None:
            return dict(ANY_OBJECT)
        made = _without(made, fault)
    return made


def _fault(schema: Schema, check: Check, until: float) -> Fault | None:
    rounded = _rounded(schema, ())
    if rounded is not None:
        return rounded
    reason = check(schema)
    return _Search(schema, check, until).find((), schema, reason) if reason else None


def _rounded(schema: Schema, path: tuple[Step, ...]) -> Fault | None:
    keyword = inexact(schema)
    if keyword:
        return Fault(path, keyword, "it has a number that is not exact as a 64-bit float")
    return next((fault for steps, child in children(schema) if (fault := _rounded(child, (*path, *steps)))), None)


def _without(schema: Schema, fault: Fault) -> Schema:
    at: Any = schema
    for step in fault.path:
        at = at[step]
    kept = {key: value for key, value in at.items() if fault.keyword and key != fault.keyword}
    made: Schema = replaced(schema, fault.path, kept)
    return made


class _Search:
    """Goes down to the innermost subschema that cannot be followed even alone."""

    def __init__(self, root: Schema, check: Check, until: float) -> None:
        self._root, self._check, self._until = root, check, until

    def find(self, path: tuple[Step, ...], schema: Schema, reason: str) -> Fault:
        for steps, child in children(schema):
            below = (*path, *steps)
            if (said := self._alone(below)) is not None:
                return self.find(below, child, said.partition(f" while processing {_WHOLE}")[0])
        return self._keyword(path, schema, reason)

    def _keyword(self, path: tuple[Step, ...], schema: Schema, reason: str) -> Fault:
        """Which keyword it is that the subschema is better without."""
        for key in sorted(schema, key=lambda key: key == "type"):  # without it, others ask for nothing
            if key in DEFINITIONS or self._late():
                continue
            rest = {name: value for name, value in schema.items() if name != key}
            if self._check(self._document(path, replaced(self._root, path, rest))) is None:
                return Fault(path, key, reason)
        return Fault(path, None, reason)

    def _alone(self, path: tuple[Step, ...]) -> str | None:
        return None if self._late() else self._check(self._document(path, self._root))

    def _document(self, path: tuple[Step, ...], root: Schema) -> Schema:
        """A schema that is the part at a path of another, whose references mean what they do there."""
        if not path:
            return root
        base = root.get("$id", _WHOLE)
        return {"$ref": f"{base}{pointer(path)}", "$defs": {"schema": {"$id": base, **root}}}

    def _late(self) -> bool:
        return time.monotonic() > self._until
