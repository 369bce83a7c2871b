"""Messages and tools in the form that a chat template wants them, which differs from OpenAI's and from each other's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from tasks.engine.llama.quoting import quoted
from tasks.engine.llama.steps import Given, Message, tell_functions, write_calls

ID_LENGTH: Final = 9
_WANTS_SHORT_IDS: Final = re.compile(rf"length\s*(?:!=|==|<|>)\s*{ID_LENGTH}\b")
_WANTS_NO_CONTENT: Final = re.compile(r"content(?:['\"]\])?\s+is\s+none")
_OURS: Final = frozenset({"role"})
"""What a message has that is of our own choice."""
_NAMES: Final = frozenset(
    {"arguments", "content", "description", "function", "id", "name", "parameters", "text", "tool_call_id", "type"}
)
"""Names of a message's, a call's and a function's fields, which stay as they are: every template looks for them."""
_SHORT_ID: Final = re.compile(rf"[a-zA-Z0-9]{{{ID_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Habits:
    """What a template can do, and how it wants its messages, as far as its text tells."""

    knows_calls: bool
    """Whether it renders calls of earlier turns."""
    knows_tools: bool
    """Whether it renders the functions."""
    short_ids: bool
    """Whether it refuses ids of calls that are not nine letters and digits, as Mistral's do."""
    empty_content: str | None
    """What it takes for a call without content."""

    @classmethod
    def read(cls, template: str) -> Self:
        return cls(
            knows_calls="tool_calls" in template,
            knows_tools=re.search(r"\btools\b", template) is not None,
            short_ids=_WANTS_SHORT_IDS.search(template) is not None,
            empty_content=None if _WANTS_NO_CONTENT.search(template) else "",
        )


def as_given(messages: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]], habits: Habits) -> Given:
    """A conversation as a template of these habits is first given it."""
    described = tuple(_described(function) for function in functions)
    given = Given(
        messages=[_message(message, habits) for message in messages],
        functions=described,
        tools=[{"type": "function", "function": function} for function in described] or None,
        empty_content=habits.empty_content,
    )
    if habits.knows_calls:
        return given
    return write_calls(given) if habits.knows_tools else tell_functions(write_calls(given))


def quote(given: Given) -> Given:
    """A conversation of which all that is said is quoted: texts, names, arguments and functions, but not the roles."""
    tools = given.tools and [{**tool, "function": quoted(tool["function"], known=_NAMES)} for tool in given.tools]
    return replace(given, messages=[_quoted(message) for message in given.messages], tools=tools)


def _quoted(message: Message) -> Message:
    made = {key: quoted(value, known=_NAMES) for key, value in message.items() if key not in _OURS}
    made |= {key: message[key] for key in _OURS & message.keys()}
    if calls := message.get("tool_calls"):
        made["tool_calls"] = [{**quoted(call, known=_NAMES), **_type_of(call)} for call in calls]
    if isinstance(parts := message.get("content"), list):
        made["content"] = [{**quoted(part, known=_NAMES), **_type_of(part)} for part in parts]
    return made


def _type_of(value: Message) -> Message:
    return {"type": value["type"]} if "type" in value else {}


def _described(function: Mapping[str, Any]) -> Message:
    """What the model should know of a function. Templates take it for granted that there are parameters."""
    known = {key: value for key, value in function.items() if key != "strict"}
    return {**known, "parameters": known.get("parameters") or {"type": "object", "properties": {}}}


def _message(message: Mapping[str, Any], habits: Habits) -> Message:
    made = dict(message)
    if "tool_call_id" in made:
        made["tool_call_id"] = _id(made["tool_call_id"], habits)
    if calls := made.get("tool_calls"):
        made["content"] = made.get("content") or habits.empty_content
        made["tool_calls"] = [{**call, "id": _id(call.get("id", ""), habits)} for call in calls]
    return made


def _id(given: str, habits: Habits) -> str:
    if not habits.short_ids or _SHORT_ID.fullmatch(given):
        return given
    return hashlib.blake2b(given.encode(errors="replace")).hexdigest()[:ID_LENGTH]
