"""Pieces of the Lark grammars, in llguidance's variant, that tool calls are written by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from tasks.answers.constraint import GrammarError, lark_term

ANYTHING: Final = "(?s:.*)"

_NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}
_BASE: Final = "urn:caravan:arguments"
"""Makes the parameters a document of their own within the call's schema, so that ``#/$defs/..`` means what it did."""


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
    def read(cls, tool: Mapping[str, Any]) -> Self:
        """From OpenAI's function object. Raises GrammarError, which names the function, as the methods do."""
        name, parameters = tool["name"], dict(tool.get("parameters") or _NO_PARAMETERS)
        if parameters.setdefault("type", "object") != "object":
            raise GrammarError(f"the parameters of the function {name!r} are no object")
        return cls(name, parameters, strict=tool.get("strict") is True)

    def arguments(self) -> str:
        """A term for the arguments."""
        return self._term(self.parameters)

    def call(self, key: str) -> str:
        """A term for a call, with the arguments under `key`."""
        members = {"name": {"const": self.name}, key: {"$id": _BASE, **self.parameters}}
        required = {"required": list(members), "additionalProperties": False}
        return self._term({"type": "object", "properties": members, **required})

    def _term(self, schema: Mapping[str, Any]) -> str:
        try:
            return lark_term(schema, strict=self.strict)
        except GrammarError as exc:
            raise GrammarError(f"the parameters of the function {self.name!r}: {exc}") from exc


def call_rules(functions: Sequence[Function], *, key: str) -> list[str]:
    """Rules for ``call``: an object that names a function and has its arguments."""
    names = " | ".join(f"call_{number}" for number in range(len(functions)))
    return [f"call: {names}", *(f"call_{number}: {each.call(key)}" for number, each in enumerate(functions))]


def escape(text: str) -> str:
    """A text as part of a regular expression between slashes."""
    return re.escape(text).replace("/", r"\/")
