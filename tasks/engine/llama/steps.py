"""What can be done to a conversation so that a chat template takes it, and it says the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Message = dict[str, Any]

BETWEEN: Final = "\n\n"
"""What stands between texts that become one."""
ONE_KEY: Final = "text"
"""The key of arguments that are no object, where they must be one."""

_INSTRUCTION: Final = """\
You can call these functions, which are described by JSON schemas:

{functions}

To call one, answer with nothing but {{"name": <its name>, "arguments": <an object>}}. \
For more than one call, write one such object a line. Otherwise answer in plain text."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a template is given.

    ``functions`` are OpenAI's function objects, ``tools`` the same as Hugging Face passes them to a template.
    ``empty_content`` is the content of a call that has none.
    """

    messages: list[Message]
    functions: Sequence[Message]
    tools: list[Message] | None
    empty_content: str | None


def _with(given: Given, messages: list[Message]) -> Given:
    return replace(given, messages=messages)


def as_it_is(given: Given) -> Given:
    """No change."""
    return given


def write_calls(given: Given) -> Given:
    """Calls as the text that the model is asked to write, and their results as what the user says."""
    made: list[Message] = []
    for before, message in zip([None, *given.messages], given.messages, strict=False):
        if message.get("role") != "tool":
            made.append(_written(message) if message.get("tool_calls") else dict(message))
            continue
        text = f"The function gave: {message.get('content') or ''}"
        if before and before.get("role") == "tool":
            made[-1]["content"] += f"\n{text}"
        else:
            made.append({"role": "user", "content": text})
    return _with(given, made)


def _written(message: Mapping[str, Any]) -> Message:
    functions = (call["function"] for call in message["tool_calls"])
    calls = ({"name": each["name"], "arguments": object_or_text(each.get("arguments", ""))} for each in functions)
    lines = (message.get("content"), *(json.dumps(call, ensure_ascii=False) for call in calls))
    return {"role": message["role"], "content": "\n".join(filter(None, lines))}


def tell_functions(given: Given) -> Given:
    """The functions described by a system message in front."""
    if not given.functions:
        return given
    functions = "\n".join(json.dumps(function, ensure_ascii=False) for function in given.functions)
    instruction = {"role": "system", "content": _INSTRUCTION.format(functions=functions)}
    if given.messages and given.messages[0].get("role") == "system":
        first, *rest = given.messages
        return _with(given, [_joined(instruction, first), *rest])
    return _with(given, [instruction, *given.messages])


def system_in_front(given: Given) -> Given:
    """The system messages as one, before all others."""
    system, others = _system_apart(given.messages)
    return _with(given, [system, *others]) if system else given


def system_in_question(given: Given) -> Given:
    """The system messages as what the user says first."""
    system, others = _system_apart(given.messages)
    if system is None:
        return given
    spoken = {"role": "user", "content": system["content"]}
    if others and others[0].get("role") == "user":
        return _with(given, [_joined(spoken, others[0]), *others[1:]])
    return _with(given, [spoken, *others])


def _system_apart(messages: Sequence[Message]) -> tuple[Message | None, list[Message]]:
    """The system messages as one, and the other messages."""
    system: Message | None = None
    others: list[Message] = []
    for message in messages:
        if message.get("role") != "system":
            others.append(message)
        else:
            system = message if system is None else _joined(system, message)
    return system, others


def join_turns(given: Given) -> Given:
    """Messages of one role in a row as one; results stay apart, since each answers a call of its own."""
    made: list[Message] = []
    for message in given.messages:
        if made and message.get("role") == made[-1].get("role") != "tool":
            made[-1] = _joined(made[-1], message)
        else:
            made.append(message)
    return _with(given, made)


def _joined(first: Message, second: Message) -> Message:
    made = {**second, **first}
    made["content"] = _text(first, second, "content")
    if reasoning := _text(first, second, "reasoning_content"):
        made["reasoning_content"] = reasoning
    if calls := [*(first.get("tool_calls") or ()), *(second.get("tool_calls") or ())]:
        made["tool_calls"] = calls
    return made


def _text(first: Message, second: Message, key: str) -> str:
    return BETWEEN.join(filter(None, (first.get(key), second.get(key))))


def split_calls(given: Given) -> Given:
    """Each call in a turn of its own, with its results behind it."""
    made: list[Message] = []
    waiting = list(given.messages)
    while waiting:
        message = waiting.pop(0)
        calls = message.get("tool_calls") or ()
        if len(calls) < 2:
            made.append(message)
            continue
        results: list[Message] = []
        while waiting and waiting[0].get("role") == "tool":
            results.append(waiting.pop(0))
        for number, call in enumerate(calls):
            turn = {**message, "tool_calls": [call]}
            made.append(turn if number == 0 else {"role": message["role"], **_only(call, given)})
            made += [result for result in results if result.get("tool_call_id") == call.get("id")]
        called = {call.get("id") for call in calls}
        made += [result for result in results if result.get("tool_call_id") not in called]
    return _with(given, made)


def _only(call: Message, given: Given) -> Message:
    return {"content": given.empty_content, "tool_calls": [call]}


def text_apart(given: Given) -> Given:
    """What an assistant said before it called something, as a message of its own."""
    made: list[Message] = []
    for message in given.messages:
        if message.get("tool_calls") and message.get("content"):
            made.append({key: value for key, value in message.items() if key != "tool_calls"})
            message = {"role": message["role"], "content": given.empty_content, "tool_calls": message["tool_calls"]}
        made.append(message)
    return _with(given, made)


def turn_empty_content(given: Given) -> Given:
    """A call's missing content as the other of an empty text and null."""
    other = "" if given.empty_content is None else None
    return _with(
        given,
        [
            {**message, "content": other} if message.get("tool_calls") and not message.get("content") else message
            for message in given.messages
        ],
    )


def with_arguments(change: Callable[[Any], Any]) -> Callable[[Given], Given]:
    """A step that changes the arguments of all calls."""

    def changed(call: Message) -> Message:
        function = call["function"]
        return {**call, "function": {**function, "arguments": change(function.get("arguments", ""))}}

    def step(given: Given) -> Given:
        return _with(
            given,
            [
                {**message, "tool_calls": [changed(call) for call in message["tool_calls"]]}
                if message.get("tool_calls")
                else message
                for message in given.messages
            ],
        )

    return step


def object_or_text(arguments: Any) -> Any:
    """Arguments as an object, or the text that they are. Nothing and null are no arguments."""
    try:
        value = json.loads(arguments) if arguments.strip() else None
    except (AttributeError, TypeError, ValueError, RecursionError):
        return arguments
    if value is None:
        return {}
    return value if isinstance(value, dict) else arguments


def text_of(arguments: Any) -> Any:
    """Arguments as JSON text, as the client sent it."""
    return "{}" if object_or_text(arguments) == {} else arguments


def object_of(arguments: Any) -> Any:
    """Arguments as an object; what is none stands under one key."""
    value = object_or_text(arguments)
    return value if isinstance(value, dict) else {ONE_KEY: value}


def text_as_parts(given: Given) -> Given:
    """Contents as lists of one part."""
    return _with(
        given,
        [
            {**message, "content": [{"type": "text", "text": message["content"]}]}
            if message.get("content")
            else message
            for message in given.messages
        ],
    )


def no_tools_as_list(given: Given) -> Given:
    """An empty list for templates that read the functions even where there are none."""
    return given if given.tools else replace(given, tools=[])
