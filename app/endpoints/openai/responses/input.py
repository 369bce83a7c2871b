"""The input of a response: items, and the messages that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.bodies.part import Part
from tasks.errors import InvalidRequest

Message = dict[str, Any]


class InputPart(Part):
    """One part of an item's content. Fields that came with an answer's text are ignored."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


def _as_parts(value: Any) -> Any:
    """Plain text is one part. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("content_type", "Input should be a string or a list of parts")
    return [InputPart(type="input_text", text=value)] if isinstance(value, str) else value


Parts = Annotated[
    list[InputPart], Field(fail_fast=True), BeforeValidator(_as_parts, json_schema_input_type=str | list[InputPart])
]


class InputItem(Part):
    """One item: a message, a call of the model, the result of a function, or reasoning, which is ignored."""

    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    id: str | None = Field(None, max_length=128)
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: Parts | None = None
    phase: Literal["commentary", "final_answer"] | None = None
    call_id: str | None = Field(None, max_length=128)
    name: str | None = Field(None, min_length=1, max_length=64)
    arguments: str | None = None
    output: Parts | None = None


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "reasoning": (),
}
_ALLOWED = {"message": {"phase"}}


def _as_item(value: Any) -> Any:
    """Reasoning may come back as a client holds it: nothing of it is read."""
    return InputItem(type="reasoning") if isinstance(value, dict) and value.get("type") == "reasoning" else value


Item = Annotated[InputItem, BeforeValidator(_as_item)]


def _as_items(value: Any) -> Any:
    """A text is one message of the user's."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("input_type", "Input should be a string or a list of items")
    return [InputItem(role="user", content=_as_parts(value))] if isinstance(value, str) else value


Items = Annotated[
    list[Item], Field(fail_fast=True), BeforeValidator(_as_items, json_schema_input_type=str | list[InputItem])
]


def messages(items: Sequence[InputItem]) -> list[Message]:
    """The messages as chat templates know them. Calls belong to the message before them, if it is the assistant's.

    Raises InvalidRequest for an item with missing fields, or with fields of another type's.
    """
    made: list[Message] = []
    for number, item in enumerate(items):
        _check(item, f"input.{number}")
        match item.type:
            case "message":
                made.append(
                    {"role": "system" if item.role == "developer" else item.role, "content": _text(item.content)}
                )
            case "function_call":
                if not made or made[-1]["role"] != "assistant":
                    made.append({"role": "assistant", "content": ""})
                function = {"name": item.name, "arguments": item.arguments}
                made[-1].setdefault("tool_calls", []).append(
                    {"id": item.call_id, "type": "function", "function": function}
                )
            case "function_call_output":
                made.append({"role": "tool", "content": _text(item.output), "tool_call_id": item.call_id})
    return made


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
    if unknown := item.model_fields_set - {"type", "id", "status", *needed} - _ALLOWED.get(item.type, set()):
        field = min(unknown)
        raise InvalidRequest(
            f"An item of type {item.type} has no {field}.", param=f"{where}.{field}", code="unknown_parameter"
        )


def _text(parts: Sequence[InputPart] | None) -> str:
    return "\n".join(part.text for part in parts or ())
