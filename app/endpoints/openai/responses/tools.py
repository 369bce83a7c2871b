"""The tools of a response: functions, lists of functions, and those that other servers run themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from app.bodies.part import Part
from app.bodies.tools import MOST_TOOLS, Choice, Function, FunctionName, NamedFunction, ToolChoice, Words
from app.bodies.unused import UNUSED, Unused
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

    def told(self, name: str) -> Function:
        """As the model is told of it, under a name."""
        return Function.model_construct(
            name=name, description=self.description, parameters=self.parameters, strict=self.strict
        )

    def echo(self) -> dict[str, Any]:
        """As the response tells of it."""
        return {"type": "function", **self.model_dump(include={"name", "description", "parameters", "strict"})}


class Namespace(Part):
    """A list of functions, whose names are their own."""

    type: Literal["namespace"]
    name: FunctionName
    description: str | None = None
    tools: list[FlatFunction] = Field(min_length=1, max_length=MOST_TOOLS)

    def echo(self) -> dict[str, Any]:
        """As the response tells of it."""
        functions = [tool.echo() for tool in self.tools]
        return {"type": "namespace", "name": self.name, "description": self.description or "", "tools": functions}


class HostedTool(Part):
    """A tool that this server does not run: the model is not told of it, whatever its options."""

    model_config = ConfigDict(extra="ignore")

    type: HostedKind


def _kind(tool: Any) -> str | None:
    kind = tool.get("type") if isinstance(tool, Mapping) else getattr(tool, "type", None)
    if kind in get_args(HostedKind):
        return as_tag("hosted")
    return as_tag(kind) if kind in ("function", "namespace") else None


Tool = Annotated[
    Annotated[FlatFunction, Tag(as_tag("function"))]
    | Annotated[Namespace, Tag(as_tag("namespace"))]
    | Annotated[HostedTool, Tag(as_tag("hosted"))],
    Discriminator(
        _kind,
        custom_error_type="tool_type",
        custom_error_message="Only tools of type 'function' or 'namespace', and those of a server's, are supported",
    ),
]
Tools = Annotated[list[Tool], Field(max_length=MOST_TOOLS)]


class FlatChosen(NamedFunction):
    """The function that is to be called."""

    type: Literal["function"]


def _as_choice(value: Any) -> Any:
    """As the chat endpoint has it, where a function's name stands one level deeper."""
    if isinstance(value, dict) and "name" in value:
        return {**{key: each for key, each in value.items() if key != "name"}, "function": {"name": value["name"]}}
    return value


FlatChoice = Annotated[ToolChoice, BeforeValidator(_as_choice, json_schema_input_type=Words | FlatChosen)]


def told_name(name: str, namespace: str | None) -> str:
    """What the model calls a function: those of namespaces are told apart by the namespace's name."""
    return f"{namespace}.{name}" if namespace else name


def own_name(told: str, echoed: Iterable[Mapping[str, Any]]) -> tuple[str, str | None]:
    """A function's own name and its namespace, if it has one, by the name that the model knows."""
    for tool in echoed:
        if tool["type"] == "namespace":
            for function in tool["tools"]:
                if told_name(function["name"], tool["name"]) == told:
                    return function["name"], tool["name"]
    return told, None


def functions_of(tools: Sequence[FlatFunction | Namespace | HostedTool]) -> list[Function]:
    """What the model is told of; raises InvalidRequest if that is too much."""
    found = list(_told(tools))
    if len(found) > MOST_TOOLS:
        raise InvalidRequest(f"There are {len(found)} functions; {MOST_TOOLS} are allowed.", param="tools")
    return found


def _told(tools: Iterable[FlatFunction | Namespace | HostedTool]) -> Iterator[Function]:
    for tool in tools:
        if isinstance(tool, FlatFunction):
            yield tool.told(tool.name)
        elif isinstance(tool, Namespace):
            yield from (function.told(told_name(function.name, tool.name)) for function in tool.tools)


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
