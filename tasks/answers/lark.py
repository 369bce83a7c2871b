"""Pieces of the Lark grammars, in llguidance's variant, that tool calls are written by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from tasks.answers.constraint import GrammarError, followed_schema, lark_term
from tasks.answers.schemas.followed import ANY_OBJECT

ANYTHING: Final = "(?s:.*)"

_NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}
_BASE: Final = "urn:caravan:arguments"
"""Makes the parameters a document of their own within the call's schema, so that ``#/$defs/..`` means what it did."""
_NUM_KEPT: Final = 512
_MOST_KEPT: Final = 8192
"""Characters of a function's parameters. An agent sends the same functions with each turn of a conversation."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How a grammar names markers.

    A literal matches ordinary tokens alone. Where a marker is a control token of the vocabulary, llguidance takes that
    token by its id only; its ``<name>`` form would do for markers that stand in angle brackets.
    """

    special: Mapping[str, int]

    def of(self, marker: str) -> str:
        """A term for a marker, in a rule."""
        return f"<[{self.special[marker]}]>" if marker in self.special else json.dumps(marker)

    def are_special(self, marker: str) -> bool:
        return marker in self.special


@dataclass(frozen=True, slots=True)
class Function:
    """A function that may be called, and the schema of its arguments."""

    name: str
    parameters: Mapping[str, Any]
    strict: bool

    @classmethod
    def read(cls, tool: Mapping[str, Any], *, free: bool = False) -> Self:
        """From OpenAI's function object.

        Args:
            tool: the object.
            free: whether all of the arguments is left to the model, unless the function is strict.

        Raises:
            GrammarError: the function is strict, and its parameters cannot be followed; it names the function.
        """
        name, strict = tool["name"], tool.get("strict") is True
        try:
            parameters = ANY_OBJECT if free and not strict else _parameters(tool, strict=strict)
        except GrammarError as exc:
            if strict:
                raise GrammarError(f"the parameters of the function {name!r}: {exc}") from exc
            parameters = ANY_OBJECT
        return cls(name, parameters, strict=strict)

    def arguments(self) -> str:
        """A term for the arguments."""
        return lark_term(self.parameters, strict=self.strict)

    def call(self, key: str) -> str:
        """A term for a call, with the arguments under `key`."""
        members = {"name": {"const": self.name}, key: {"$id": _BASE, **self.parameters}}
        required = {"required": list(members), "additionalProperties": False}
        return lark_term({"type": "object", "properties": members, **required}, strict=self.strict)


def check_strict(tool: Mapping[str, Any]) -> None:
    """Raise GrammarError if a strict function's parameters cannot be followed; it says what and where."""
    if tool.get("strict") is True:
        _parameters(tool, strict=True)


def _parameters(tool: Mapping[str, Any], *, strict: bool) -> Mapping[str, Any]:
    """The parameters as they are followed. Raises GrammarError."""
    schema = json.dumps({"type": "object", **(tool.get("parameters") or _NO_PARAMETERS)})
    follow = _followed if len(schema) <= _MOST_KEPT else _followed.__wrapped__
    return follow(schema, strict=strict)


@lru_cache(_NUM_KEPT)
def _followed(schema: str, *, strict: bool) -> Mapping[str, Any]:
    parameters = followed_schema(json.loads(schema), strict=strict)
    if parameters.get("type") != "object":
        raise GrammarError("they are no object")
    return parameters


def call_rules(functions: Sequence[Function], *, key: str) -> list[str]:
    """Rules for ``call``: an object that names a function and has its arguments."""
    names = " | ".join(f"call_{number}" for number in range(len(functions)))
    return [f"call: {names}", *(f"call_{number}: {each.call(key)}" for number, each in enumerate(functions))]


def escape(text: str) -> str:
    """A text as part of a regular expression between slashes."""
    return re.escape(text).replace("/", r"\/")
