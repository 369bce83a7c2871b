"""The input of a response: items, and the messages that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from app.bodies.refusal import OTHER, REFUSAL, RefusalPart, kind_of_part
from app.endpoints.openai.responses.custom_tools import arguments_of
from app.endpoints.openai.responses.names import name_for_model
from app.endpoints.openai.responses.sealed import unseal
from tasks.errors import InvalidRequest

Message = dict[str, Any]


class InputPart(Part):
    """One part of an item's content. Fields that came with an answer's text are ignored."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: Any = Field(None, exclude=True)
    logprobs: Any = Field(None, exclude=True)
    parsed: Any = Field(None, exclude=True)
    prompt_cache_breakpoint: Any = Field(None, exclude=True)


def _as_parts(value: Any) -> Any:
    """Plain text is one part. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("content_type", "Input should be a string or a list of parts")
    return [InputPart(type="input_text", text=value)] if isinstance(value, str) else value


ContentPart = Annotated[
    Annotated[InputPart, Tag(OTHER)] | Annotated[RefusalPart, Tag(REFUSAL)], Discriminator(kind_of_part)
]
Parts = Annotated[
    list[ContentPart], Field(fail_fast=True), BeforeValidator(_as_parts, json_schema_input_type=str | list[ContentPart])
]


class InputItem(Part):
    """One item: a message, a call of the model, the result of a tool, reasoning, or a reference to an item.

    What OpenAI's client adds to items for its caller, and its server for itself, is passed over.
    """

    type: Literal[
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "item_reference",
    ] = "message"
    id: str | None = Field(None, max_length=128)
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: Parts | None = None
    phase: Literal["commentary", "final_answer"] | None = None
    call_id: str | None = Field(None, max_length=128)
    name: str | None = Field(None, min_length=1, max_length=64)
    namespace: str | None = Field(None, min_length=1, max_length=64)
    arguments: str | None = None
    input: str | None = None
    output: Parts | None = None
    encrypted_content: str | None = None
    reasoning: Annotated[str | None, SkipJsonSchema()] = None
    """Of reasoning: what we could read of it."""
    parsed_arguments: Any = Field(None, exclude=True)
    caller: Any = Field(None, exclude=True)
    created_by: Any = Field(None, exclude=True)
    async_: Any = Field(None, alias="async", exclude=True)


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "custom_tool_call": ("call_id", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
    "reasoning": (),
    "item_reference": ("id",),
}
_ALLOWED = {
    "message": {"phase"},
    "function_call": {"namespace"},
    "custom_tool_call": {"namespace"},
    "reasoning": {"reasoning"},
}
_PASSED_OVER = {"parsed_arguments", "caller", "created_by", "async_"}
FindItem = Callable[[str, str], Mapping[str, Any]]
"""Gives the item of an id; told the field that names it, for the error if there is none."""


def _as_item(value: Any) -> Any:
    """Reasoning may come back as a client holds it, of whichever server it was; an id alone is a reference."""
    if not isinstance(value, Mapping):
        return value
    if value.get("type") == "reasoning":
        return InputItem(type="reasoning", reasoning=_reasoning(value))
    if {name for name, field in value.items() if field is not None} == {"id"}:
        return {**value, "type": "item_reference"}
    return value


def _reasoning(item: Mapping[str, Any]) -> str | None:
    """What we can read of a reasoning item."""
    sealed, content = item.get("encrypted_content"), item.get("content")
    if isinstance(sealed, str) and (text := unseal(sealed)) is not None:
        return text
    parts = [part.get("text") for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return "".join(part for part in parts if isinstance(part, str)) or None


Item = Annotated[InputItem, BeforeValidator(_as_item)]


def _as_items(value: Any) -> Any:
    """A text is one message of the user's."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("input_type", "Input should be a string or a list of items")
    return [InputItem(role="user", content=_as_parts(value))] if isinstance(value, str) else value


Items = Annotated[
    list[Item], Field(fail_fast=True), BeforeValidator(_as_items, json_schema_input_type=str | list[InputItem])
]


def messages(items: Sequence[InputItem], find: FindItem | None = None) -> list[Message]:
    """The messages as chat templates know them. Calls belong to the message before them, if it is the assistant's.

    Reasoning belongs to the assistant's message that comes next. Raises InvalidRequest for an item with missing
    fields, or with fields of another type's, and what `find` raises for a reference.
    """
    made: list[Message] = []
    reasoning: str | None = None
    for number, sent in enumerate(items):
        _check(sent, f"input.{number}")
        item = _referred(sent, f"input.{number}.id", find) if sent.type == "item_reference" else sent
        if item.type == "reasoning":
            reasoning = item.reasoning
            continue
        _add(made, item)
        if reasoning and made[-1]["role"] == "assistant":
            made[-1].setdefault("reasoning_content", reasoning)
        reasoning = None
    return made


def _referred(reference: InputItem, param: str, find: FindItem | None) -> InputItem:
    if find is None:
        raise InvalidRequest("A line of a batch cannot refer to an item; send the item itself.", param=param)
    found: InputItem = TypeAdapter(Item).validate_python(find(reference.id or "", param))
    return found


def _add(made: list[Message], item: InputItem) -> None:
    match item.type:
        case "message":
            made.append({"role": "system" if item.role == "developer" else item.role, "content": _text(item.content)})
        case "function_call" | "custom_tool_call":
            if not made or made[-1]["role"] != "assistant":
                made.append({"role": "assistant", "content": ""})
            arguments = item.arguments if item.input is None else arguments_of(item.input)
            function = {"name": name_for_model(item.name or "", item.namespace), "arguments": arguments}
            made[-1].setdefault("tool_calls", []).append({"id": item.call_id, "type": "function", "function": function})
        case "function_call_output" | "custom_tool_call_output":
            made.append({"role": "tool", "content": _text(item.output), "tool_call_id": item.call_id})


def check_outputs(conversation: Sequence[Message]) -> None:
    """Raise InvalidRequest for the output of a call that was not made before it."""
    called: set[str] = set()
    for message in conversation:
        called |= {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool" and message["tool_call_id"] not in called:
            raise InvalidRequest(f"There is no call '{message['tool_call_id']}' before its output.", param="input")


def _check(item: InputItem, where: str) -> None:
    needed = _NEEDED[item.type]
    for field in needed:
        if getattr(item, field) is None:
            raise InvalidRequest(f"An item of type {item.type} needs {field}.", param=f"{where}.{field}")
    if item.role != "assistant" and any(
        part.type == "refusal" for part in (*(item.content or ()), *(item.output or ()))
    ):
        raise InvalidRequest("Only an assistant's message may have a refusal.", param=f"{where}.content")
    known = {"type", "id", "status", *needed, *_PASSED_OVER, *_ALLOWED.get(item.type, ())}
    if unknown := item.model_fields_set - known:
        field = min(unknown)
        raise InvalidRequest(
            f"An item of type {item.type} has no {field}.", param=f"{where}.{field}", code="unknown_parameter"
        )


def _text(parts: Sequence[InputPart | RefusalPart] | None) -> str:
    return "\n".join(part.text for part in parts or ())
