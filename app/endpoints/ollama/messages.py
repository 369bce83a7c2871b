"""Ollama's messages, and the same as OpenAI has them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field

from app.bodies.part import Part
from app.endpoints.openai.chat_body import MOST_CALLS
from tasks.errors import InvalidRequest


class PastFunctionCall(Part):
    """A function that the model has called. Its arguments are an object."""

    name: str = Field(min_length=1, max_length=64)
    arguments: dict[str, Any] = Field(default_factory=dict)
    index: int | None = None
    description: str | None = None


class PastCall(Part):
    """A call of an earlier turn."""

    function: PastFunctionCall
    id: str | None = Field(None, max_length=128)
    type: Literal["function"] | None = None


class PastMessage(Part):
    """One message. A tool's may name the call or the function that it answers; without either, it answers the first."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[PastCall] | None = Field(None, max_length=MOST_CALLS)
    tool_name: str | None = Field(None, max_length=64)
    tool_call_id: str | None = Field(None, max_length=128)


def as_openai(messages: Iterable[PastMessage]) -> list[dict[str, Any]]:
    """The messages as OpenAI's, where a call has an id by which its answer names it; raises InvalidRequest."""
    return list(_as_openai(messages))


def _as_openai(messages: Iterable[PastMessage]) -> Iterator[dict[str, Any]]:
    open_calls: list[tuple[str, str]] = []
    number = 0
    for place, message in enumerate(messages):
        if message.images:
            refuse_images(f"messages.{place}.images")
        made: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.thinking:
            made["reasoning_content"] = message.thinking
        if message.tool_calls:
            named = [(call.id or f"call_{number + nth}", call.function) for nth, call in enumerate(message.tool_calls)]
            number += len(named)
            open_calls = [(call_id, function.name) for call_id, function in named]
            made["tool_calls"] = [
                {"id": call_id, "function": {"name": function.name, "arguments": json.dumps(function.arguments)}}
                for call_id, function in named
            ]
        if message.role == "tool":
            answered = _answered(message, open_calls)
            if answered in open_calls:
                open_calls.remove(answered)
            made |= {"tool_call_id": answered[0]} if answered[0] else {}
            made |= {"name": answered[1]} if answered[1] else {}
        yield made


def _answered(message: PastMessage, open_calls: list[tuple[str, str]]) -> tuple[str, str]:
    """The call that a tool's message answers: its id, and its function's name."""
    asked, name = message.tool_call_id or "", message.tool_name or ""
    for call_id, called in open_calls:
        if (asked and call_id == asked) or (not asked and name in ("", called)):
            return call_id, called
    return asked, name


def refuse_images(field: str) -> None:
    """Raise InvalidRequest: no model of this server takes images."""
    raise InvalidRequest(f"{field}: this server's models take no images. Leave them out.", param=field)
