"""The shape of a conversation: who speaks in what order, without what is said.

Whether a template takes a conversation depends on its shape, nearly always. So it is tried with a short conversation
of that shape, once, and what was found holds for all others of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tasks.engine.llama.steps import Message

OBJECT: Final = '{"key": "value"}'
NO_OBJECT: Final = "cut"
NO_CALL: Final = "call_none"
PERIODS: Final = range(1, 5)
"""Messages of a turn: at most a question, a call, its result and an answer."""
SAMPLE_TOOLS: Final = (
    {
        "name": "offered",
        "description": "A sample",
        "parameters": {
            "type": "object",
            "properties": {"key": {"type": "string", "description": "A sample"}},
            "required": ["key"],
        },
    },
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a template may look at in a message. ``answers`` tells of a result which call it is of: 1 is the last."""

    role: str
    has_text: bool
    fields: frozenset[str] = frozenset()
    calls: tuple[str, ...] = ()
    answers: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The kinds of a conversation's messages, and where in it they are."""

    kinds: tuple[Kind, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A short conversation.

    ``needed`` is the text that has to be in the prompt, the last that is not the assistant's, and its place.
    ``wanted`` are all texts that are not the assistant's, and the names of what is called.
    """

    messages: list[Message]
    needed: tuple[int, str] | None
    wanted: frozenset[str]


def shape_of(messages: Sequence[Mapping[str, Any]]) -> Shape:
    """The shape of a conversation; of turns that repeat each other two are left."""
    kinds: list[Kind] = []
    places: list[int] = []
    for place, kind in enumerate(_kinds(messages)):
        kinds.append(kind)
        places.append(place)
        if period := next((period for period in PERIODS if _repeats(kinds, period)), 0):
            del kinds[-period:], places[-period:]
    return Shape(tuple(kinds), tuple(places))


def sample_of(kinds: Sequence[Kind]) -> Sample:
    """A conversation of that shape, with texts that are all different."""
    messages = [_message(at, kinds) for at in range(len(kinds))]
    texts = {at: _text(at) for at, kind in enumerate(kinds) if kind.has_text and kind.role != "assistant"}
    called = {_name(at, place) for at, kind in enumerate(kinds) for place in range(len(kind.calls))}
    last = max(texts, default=None)
    return Sample(
        messages=messages,
        needed=None if last is None else (last, texts[last]),
        wanted=frozenset(texts.values()) | called,
    )


def _repeats(kinds: Sequence[Kind], period: int) -> bool:
    """Whether the last three turns of so many messages are alike."""
    if len(kinds) < 3 * period or kinds[-1] != kinds[-1 - period]:
        return False
    return kinds[-period:] == kinds[-2 * period : -period] == kinds[-3 * period : -2 * period]


def _kinds(messages: Sequence[Mapping[str, Any]]) -> Iterable[Kind]:
    ids: dict[str, int] = {}
    count = 0
    for message in messages:
        made = message.get("tool_calls") or ()
        ids |= {call.get("id", ""): count + place for place, call in enumerate(made)}
        count += len(made)
        number = ids.get(message.get("tool_call_id") or "")
        yield Kind(
            role=str(message.get("role")),
            has_text=bool(message.get("content")),
            fields=frozenset(message),
            calls=tuple(_sample_arguments(call["function"].get("arguments", "")) for call in made),
            answers=None if number is None else count - number,
        )


def _sample_arguments(arguments: str) -> str:
    try:
        value = json.loads(arguments) if arguments.strip() else ""
    except (ValueError, RecursionError):
        return NO_OBJECT
    if value in ("", None) or value == {}:
        return "" if value in ("", None) else "{}"
    return OBJECT if isinstance(value, dict) else NO_OBJECT


def _message(at: int, kinds: Sequence[Kind]) -> Message:
    kind = kinds[at]
    made: Message = {"role": kind.role} if "role" in kind.fields else {}
    if "content" in kind.fields:
        made["content"] = _text(at) if kind.has_text else ""
    made |= {key: key for key in kind.fields & {"name", "reasoning_content"}}
    if "tool_call_id" in kind.fields:
        earlier = [_id(place, number) for place in range(at) for number in range(len(kinds[place].calls))]
        made["tool_call_id"] = earlier[-kind.answers] if kind.answers and kind.answers <= len(earlier) else NO_CALL
    if kind.calls:
        made["tool_calls"] = [
            {"id": _id(at, place), "type": "function", "function": {"name": _name(at, place), "arguments": arguments}}
            for place, arguments in enumerate(kind.calls)
        ]
    return made


def _text(at: int) -> str:
    return f"text_{at}x"


def _name(at: int, place: int) -> str:
    return f"called_{at}_{place}x"


def _id(at: int, place: int) -> str:
    return f"call_{at}_{place}"
