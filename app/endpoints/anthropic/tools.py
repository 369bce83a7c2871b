"""Anthropic's tools: those that a client runs, those that a server would, and which are to be called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from app.bodies.part import Part, type_of
from app.bodies.tools import MOST_TOOLS, FunctionName
from app.bodies.unused import UNUSED, Unused
from app.http.errors import as_tag
from tasks.errors import InvalidRequest

HOSTED = r"^(web_search|web_fetch|code_execution|tool_search_tool_(bm25|regex))_[0-9]{8}$"
"""The types of tools that Anthropic's own server runs."""
_WORDS = {"auto": "auto", "any": "required", "none": "none"}
"""Anthropic's words, and those of the chat endpoint."""


class OwnTool(Part):
    """A tool that the client runs."""

    type: Literal["custom"] = "custom"
    name: FunctionName
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None
    cache_control: dict[str, Any] | None = Field(None, exclude=True)
    eager_input_streaming: bool | None = Field(None, exclude=True)
    defer_loading: Annotated[bool | None, Unused(done=False)] = None
    allowed_callers: Annotated[list[str] | None, Unused(done=["direct"])] = None
    input_examples: Annotated[list[dict[str, Any]] | None, UNUSED] = None

    def function(self) -> dict[str, Any]:
        """As the chat endpoint has it."""
        function = {"name": self.name, "description": self.description, "parameters": self.input_schema}
        return {"type": "function", "function": {**function, "strict": self.strict}}


class HostedTool(Part):
    """A tool that this server does not run: the model is not told of it, whatever its options."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, Field(pattern=HOSTED), UNUSED]


def _kind(tool: Any) -> str | None:
    kind = type_of(tool)
    if isinstance(kind, str) and re.match(HOSTED, kind):
        return as_tag("hosted")
    return as_tag("custom") if kind in ("custom", None) else None


Tool = Annotated[
    Annotated[OwnTool, Tag(as_tag("custom"))] | Annotated[HostedTool, Tag(as_tag("hosted"))],
    Discriminator(
        _kind,
        custom_error_type="tool_type",
        custom_error_message="Only tools of type 'custom', and those that a server runs, are supported",
    ),
]
Tools = Annotated[list[Tool], Field(max_length=MOST_TOOLS)]


class ToolChoice(Part):
    """Which tools may, must or must not be called."""

    type: Literal["auto", "any", "tool", "none"]
    name: FunctionName | None = None
    disable_parallel_tool_use: bool | None = None

    def choice(self) -> str | dict[str, Any]:
        """As the chat endpoint has it; raises InvalidRequest."""
        if (self.type == "tool") != (self.name is not None):
            raise InvalidRequest("tool_choice: Only the type 'tool' has a name, and it needs one.", param="tool_choice")
        return _WORDS.get(self.type) or {"type": "function", "function": {"name": self.name}}


def chat_tools(tools: Iterable[OwnTool | HostedTool], choice: ToolChoice | None) -> dict[str, Any]:
    """The fields of a chat that say the same; raises InvalidRequest."""
    functions = [tool.function() for tool in tools if isinstance(tool, OwnTool)]
    fields: dict[str, Any] = {"tools": functions} if functions else {}
    if choice is not None:
        fields["tool_choice"] = choice.choice()
    if functions and choice is not None and choice.disable_parallel_tool_use:
        fields["parallel_tool_calls"] = False
    return fields
