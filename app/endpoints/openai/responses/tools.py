"""The tools of a response: functions, tools that take a text, lists of both, and those that other servers run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from app.bodies.part import Part, type_of
from app.bodies.tools import MOST_TOOLS, Choice, Function, FunctionName, NamedFunction, ToolChoice, Words
from app.bodies.unused import UNUSED, Unused
from app.endpoints.openai.responses.custom_tools import CustomTool
from app.endpoints.openai.responses.names import name_for_model
from app.http.errors import as_tag
from tasks.errors import InvalidRequest

HostedKind = Literal[
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "tool_search",
    "programmatic_tool_calling",
]
"""Tools that OpenAI's own server runs. Tools of other kinds are run by the client, which waits for calls of them."""


class FlatFunction(Function):
    """A function that the model may call."""

    type: Literal["function"]
    output_schema: Annotated[dict[str, Any] | None, UNUSED] = None
    defer_loading: Annotated[bool | None, Unused(done=False)] = None
    allowed_callers: Annotated[list[str] | None, Unused(done=["direct"])] = None
    async_: Annotated[bool | None, Unused(done=False)] = Field(None, alias="async")

    def for_model(self, name: str) -> Function:
        """As the model is told of it, under a name."""
        return Function.model_construct(
            name=name, description=self.description, parameters=self.parameters, strict=self.strict
        )

    def echo(self) -> dict[str, Any]:
        """As the response tells of it."""
        return {"type": "function", **self.model_dump(include={"name", "description", "parameters", "strict"})}


def _own_kind(tool: Any) -> str | None:
    kind = type_of(tool)
    return as_tag(kind) if kind in ("function", "custom") else None


OwnTool = Annotated[
    Annotated[FlatFunction, Tag(as_tag("function"))] | Annotated[CustomTool, Tag(as_tag("custom"))],
    Discriminator(
        _own_kind,
        custom_error_type="tool_type",
        custom_error_message="A namespace has tools of type 'function' or 'custom'",
    ),
]


class Namespace(Part):
    """A list of tools, whose names are their own."""

    type: Literal["namespace"]
    name: FunctionName
    description: str | None = None
    tools: list[OwnTool] = Field(min_length=1, max_length=MOST_TOOLS)

    def echo(self) -> dict[str, Any]:
        """As the response tells of it."""
        tools = [tool.echo() for tool in self.tools]
        return {"type": "namespace", "name": self.name, "description": self.description or "", "tools": tools}


class HostedTool(Part):
    """A tool that this server does not run: the model is not told of it, whatever its options."""

    model_config = ConfigDict(extra="ignore")

    type: HostedKind


def _kind(tool: Any) -> str | None:
    kind = type_of(tool)
    if kind in get_args(HostedKind):
        return as_tag("hosted")
    return as_tag(kind) if kind in ("function", "custom", "namespace") else None


Tool = Annotated[
    Annotated[FlatFunction, Tag(as_tag("function"))]
    | Annotated[CustomTool, Tag(as_tag("custom"))]
    | Annotated[Namespace, Tag(as_tag("namespace"))]
    | Annotated[HostedTool, Tag(as_tag("hosted"))],
    Discriminator(
        _kind,
        custom_error_type="tool_type",
        custom_error_message="Only tools of type 'function', 'custom' or 'namespace', and a server's, are supported",
    ),
]
Tools = Annotated[list[Tool], Field(max_length=MOST_TOOLS)]


class FlatChosen(NamedFunction):
    """The tool that is to be called."""

    type: Literal["function", "custom"]


def _as_choice(value: Any) -> Any:
    """As the chat endpoint has it, where a function's name stands one level deeper."""
    if isinstance(value, dict) and "name" in value:
        others = {key: each for key, each in value.items() if key != "name"}
        if others.get("type") == "custom":
            others["type"] = "function"
        return {**others, "function": {"name": value["name"]}}
    return value


FlatChoice = Annotated[ToolChoice, BeforeValidator(_as_choice, json_schema_input_type=Words | FlatChosen)]


def functions_of(tools: Sequence[FlatFunction | CustomTool | Namespace | HostedTool]) -> list[Function]:
    """What the model is told of; raises InvalidRequest if that is too much."""
    found = list(_for_model(tools))
    if len(found) > MOST_TOOLS:
        raise InvalidRequest(f"There are {len(found)} functions; {MOST_TOOLS} are allowed.", param="tools")
    return found


def _for_model(tools: Iterable[FlatFunction | CustomTool | Namespace | HostedTool]) -> Iterator[Function]:
    for tool in tools:
        if isinstance(tool, FlatFunction | CustomTool):
            yield tool.for_model(tool.name)
        elif isinstance(tool, Namespace):
            yield from (function.for_model(name_for_model(function.name, tool.name)) for function in tool.tools)


def chosen_of(choice: Choice | None, functions: Sequence[Function]) -> Choice | None:
    """The choice, of a function by the name that the model knows: its own, or with its namespace before it."""
    if choice is None or choice.function is None:
        return choice
    names, wanted = [function.name for function in functions], choice.function.name
    if wanted in names:
        return choice
    found = [name for name in names if name.endswith(f".{wanted}")]
    if len(found) != 1:
        return choice
    return choice.model_copy(update={"function": NamedFunction.model_construct(name=found[0])})
