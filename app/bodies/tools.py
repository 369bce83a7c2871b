"""Tools that a model may call, as OpenAI's chat endpoint describes them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from tasks.answers.constraint import GrammarError
from tasks.answers.lark import check_strict
from tasks.errors import InvalidRequest

MOST_TOOLS = 128
MOST_PARAMETER_BYTES = 1 << 19
"""Of the parameters of all tools: judging those of strict ones takes a web process 0.4 microseconds a byte."""
FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


class Function(Part):
    """A function that a model may call."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Part):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: Function


class NamedFunction(Part):
    """The function that is to be called."""

    name: FunctionName


def _as_choice(value: Any) -> Any:
    """A word stands for its type. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | dict):
        raise PydanticCustomError("tool_choice", "Input should be 'auto', 'none', 'required' or a function")
    return {"type": value} if isinstance(value, str) else value


class Choice(Part):
    """Which tools may, must or must not be called."""

    type: Literal["auto", "none", "required", "function"]
    function: NamedFunction | None = None


Words = Literal["auto", "none", "required"]
Tools = Annotated[list[Tool], Field(max_length=MOST_TOOLS)]
ToolChoice = Annotated[Choice, BeforeValidator(_as_choice, json_schema_input_type=Words | Choice)]


def check_functions(functions: list[Function], choice: Choice | None) -> None:
    """Raise InvalidRequest if two have one name, or their parameters are too long, or a strict one cannot be followed.

    One that the choice rules out is not judged.
    """
    size = sum(len(json.dumps(function.parameters)) for function in functions)
    if size > MOST_PARAMETER_BYTES:
        reason = f"The tools' parameters have {size} bytes as JSON, and {MOST_PARAMETER_BYTES} is the most."
        raise InvalidRequest(f"{reason} Send fewer tools.", param="tools")
    seen: set[str] = set()
    for function in functions:
        if function.name in seen:
            raise InvalidRequest(f"Two functions are named '{function.name}'.", param="tools")
        seen.add(function.name)
        if not _is_ruled_out(function, choice):
            _check_strict(function)


def _is_ruled_out(function: Function, choice: Choice | None) -> bool:
    if choice is None or choice.type in ("auto", "required"):
        return False
    return choice.function is None or choice.function.name != function.name


def _check_strict(function: Function) -> None:
    try:
        check_strict(function.model_dump())
    except GrammarError as exc:
        raise InvalidRequest(f"The parameters of '{function.name}' cannot be followed: {exc}.", param="tools") from exc


def chosen(choice: Choice | None, functions: list[Function]) -> str | dict[str, str]:
    """The choice as a job's request holds it; raises InvalidRequest for a function that is not there."""
    if choice is None:
        return "auto"
    names = [function.name for function in functions]
    if (choice.type == "function") != (choice.function is not None):
        raise InvalidRequest("Only the type 'function' has a function, and it needs one.", param="tool_choice")
    if choice.function is not None:
        if choice.function.name not in names:
            raise InvalidRequest(f"There is no tool '{choice.function.name}'.", param="tool_choice")
        return {"name": choice.function.name}
    if choice.type == "required" and not names:
        raise InvalidRequest("A call is required, but there are no tools.", param="tool_choice")
    return choice.type
