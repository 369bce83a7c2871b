"""Tools whose input is any text, as Codex's `apply_patch` is: the model knows each as a function of one text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from app.bodies.part import Part
from app.bodies.tools import Function, FunctionName
from app.bodies.unused import Unused
from app.endpoints.openai.responses.names import name_for_model
from tasks.errors import InvalidRequest

INPUT = "input"
"""What the function's one argument is called."""

_BEGINS = re.compile(rf'\s*\{{\s*"{INPUT}"\s*:\s*"')
_HEX = "[0-9a-fA-F]"
_HIGH, _LOW = rf"\\u[dD][89abAB]{_HEX}{{2}}", rf"\\u[dD][c-fC-F]{_HEX}{{2}}"
_DECIDED = re.compile(
    rf'(?:[^"\\]|\\["\\/bfnrt]|\\u(?![dD][89abAB]){_HEX}{{4}}|{_HIGH}{_LOW}'
    rf"|{_HIGH}(?=[^\\]|\\[^u]|\\u(?![dD][c-fC-F]){_HEX}{{4}}))*"
)
"""As much of a JSON text as no more text can change: half of a character waits for its other half."""


class InputFormat(Part):
    """Which texts a tool takes: any, or those of a grammar."""

    type: Literal["text", "grammar"]
    syntax: Literal["lark", "regex"] | None = None
    definition: str | None = None


class CustomTool(Part):
    """A tool that takes a text. A regular expression is followed; a Lark grammar is told to the model alone."""

    type: Literal["custom"]
    name: FunctionName
    description: str | None = None
    format: InputFormat | None = None
    defer_loading: Annotated[bool | None, Unused(done=False)] = None
    allowed_callers: Annotated[list[str] | None, Unused(done=["direct"])] = None
    async_: Annotated[bool | None, Unused(done=False)] = Field(None, alias="async")

    def for_model(self, name: str) -> Function:
        """As the model is told of it, under a name; raises InvalidRequest for a grammar without its parts."""
        text: dict[str, Any] = {"type": "string"}
        words = [self.description or ""]
        if self.format and self.format.type == "grammar":
            if not self.format.syntax or self.format.definition is None:
                raise InvalidRequest(f"The grammar of '{self.name}' needs syntax and definition.", param="tools")
            is_lark, definition = self.format.syntax == "lark", self.format.definition
            words.append(f"The {INPUT} is a text of this {'Lark grammar' if is_lark else 'regular expression'}:")
            words.append(definition)
            if not is_lark:
                text["pattern"] = f"^(?:{definition})$"
        takes = {"type": "object", "properties": {INPUT: text}, "required": [INPUT], "additionalProperties": False}
        description = "\n".join(filter(None, words)) or None
        return Function.model_construct(name=name, description=description, parameters=takes, strict=None)

    def echo(self) -> dict[str, Any]:
        """As the response tells of it."""
        form = self.format.model_dump(exclude_none=True) if self.format else {"type": "text"}
        return {"type": "custom", "name": self.name, "description": self.description, "format": form}


def custom_names(echoed: Iterable[Mapping[str, Any]], namespace: str | None = None) -> set[str]:
    """What the model calls the tools of this kind, among those that a response tells of."""
    names: set[str] = set()
    for tool in echoed:
        if tool["type"] == "custom":
            names.add(name_for_model(tool["name"], namespace))
        elif tool["type"] == "namespace":
            names |= custom_names(tool["tools"], tool["name"])
    return names


def arguments_of(text: str) -> str:
    """The arguments of a call with this input, as JSON."""
    return json.dumps({INPUT: text}, ensure_ascii=False)


class InputReader:
    """Reads the input out of a call's arguments while they come."""

    def __init__(self) -> None:
        self._held = ""
        self._begun = False

    def feed(self, arguments: str) -> str:
        """More of the input, as far as it is decided."""
        self._held += arguments
        if not self._begun:
            begins = _BEGINS.match(self._held)
            if not begins:
                return ""
            self._held, self._begun = self._held[begins.end() :], True
        decided = _DECIDED.match(self._held)
        assert decided is not None, "it matches nothing as well"
        self._held = self._held[decided.end() :]
        return _text(decided[0])


def input_of(arguments: str) -> str:
    """The input of a call with these arguments, or as much of it as there is."""
    return InputReader().feed(arguments)


def _text(escaped: str) -> str:
    """The text of a JSON string's inside; half of a character alone is U+FFFD."""
    text: str = json.loads(f'"{escaped}"', strict=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
