"""Messages and tools in the form that a chat template wants them, which differs from OpenAI's and from each other's."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

Message = dict[str, Any]

ID_LENGTH: Final = 9
_WANTS_SHORT_IDS: Final = re.compile(rf"length\s*(?:!=|==|<|>)\s*{ID_LENGTH}\b")
_WANTS_NO_CONTENT: Final = re.compile(r"content(?:['\"]\])?\s+is\s+none")
_SHORT_ID: Final = re.compile(rf"[a-zA-Z0-9]{{{ID_LENGTH}}}")

_INSTRUCTION: Final = """\
You can call these functions, which are described by JSON schemas:

{functions}

To call one, answer with nothing but {{"name": <its name>, "arguments": <an object>}}. \
For more than one call, write one such object a line. Otherwise answer in plain text."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a template can do, and how it wants its messages."""

    knows_calls: bool
    """Whether it renders calls of earlier turns."""
    knows_tools: bool
    """Whether it renders the functions."""
    knows_system: bool
    """Whether it takes a system message."""
    short_ids: bool
    """Whether it refuses ids of calls that are not nine letters and digits, as Mistral's do."""
    empty_content: str | None
    """What it takes for a call without content."""

    @classmethod
    def read(cls, template: str) -> Self:
        return cls(
            knows_calls="tool_calls" in template,
            knows_tools=re.search(r"\btools\b", template) is not None,
            knows_system="system role not supported" not in template.lower(),
            short_ids=_WANTS_SHORT_IDS.search(template) is not None,
            empty_content=None if _WANTS_NO_CONTENT.search(template) else "",
        )


class Conversation:
    """One conversation, for a template of these habits."""

    def __init__(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], habits: Habits
    ) -> None:
        self._messages, self._functions, self._habits = messages, [_function(tool) for tool in tools], habits

    def tools(self) -> list[Message] | None:
        """As Hugging Face passes them to a template."""
        return [{"type": "function", "function": function} for function in self._functions] or None

    def messages(self, *, parsed: bool) -> list[Message]:
        """The messages; `parsed` gives the arguments of calls as objects, where they are."""
        if self._habits.knows_calls:
            return [self._message(message, parsed=parsed) for message in self._messages]
        plain = _without_calls(self._messages)
        return self._instructed(plain) if self._functions and not self._habits.knows_tools else plain

    def _message(self, message: Mapping[str, Any], *, parsed: bool) -> Message:
        made = dict(message)
        if "tool_call_id" in made:
            made["tool_call_id"] = self._id(made["tool_call_id"])
        if calls := made.get("tool_calls"):
            made["content"] = made.get("content") or self._habits.empty_content
            made["tool_calls"] = [
                {**call, "id": self._id(call.get("id", "")), "function": _called(call["function"], parsed=parsed)}
                for call in calls
            ]
        return made

    def _id(self, given: str) -> str:
        if not self._habits.short_ids or _SHORT_ID.fullmatch(given):
            return given
        return hashlib.blake2b(given.encode(errors="replace")).hexdigest()[:ID_LENGTH]

    def _instructed(self, messages: list[Message]) -> list[Message]:
        """With the functions told in front, by a system message where there can be one."""
        functions = "\n".join(json.dumps(function, ensure_ascii=False) for function in self._functions)
        text = _INSTRUCTION.format(functions=functions)
        role = "system" if self._habits.knows_system else "user"
        if messages and messages[0]["role"] == role:
            first, *rest = messages
            return [{**first, "content": "\n\n".join(filter(None, (text, first.get("content"))))}, *rest]
        return [{"role": role, "content": text}, *messages]


def _function(tool: Mapping[str, Any]) -> Message:
    """What the model should know of a function. Templates take it for granted that there are parameters."""
    known = {key: value for key, value in tool.items() if key != "strict"}
    return {**known, "parameters": known.get("parameters") or {"type": "object", "properties": {}}}


def _called(function: Mapping[str, Any], *, parsed: bool) -> Message:
    arguments = function.get("arguments", "")
    return {**function, "arguments": _parsed(arguments) if parsed else arguments}


def _parsed(arguments: Any) -> Any:
    try:
        value = json.loads(arguments)
    except (TypeError, ValueError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments


def _without_calls(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Calls as the text that the model is asked to write, and their results as what the user says."""
    made: list[Message] = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message["role"] != "tool":
            made.append(_written(message) if message.get("tool_calls") else dict(message))
            continue
        text = f"The function gave: {message.get('content') or ''}"
        if before and before["role"] == "tool":
            made[-1]["content"] += f"\n{text}"
        else:
            made.append({"role": "user", "content": text})
    return made


def _written(message: Mapping[str, Any]) -> Message:
    functions = (_called(call["function"], parsed=True) for call in message["tool_calls"])
    calls = ({"name": function["name"], "arguments": function["arguments"]} for function in functions)
    lines = (message.get("content"), *(json.dumps(call, ensure_ascii=False) for call in calls))
    return {"role": message["role"], "content": "\n".join(filter(None, lines))}
