"""``[TOOL_CALLS][{"name": ..., "arguments": {...}}, ...]``, and the later ``[TOOL_CALLS]name[ARGS]{...}``: Mistral."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from tasks.answers.lark import Function, Marks, call_rules
from tasks.answers.source import Wait, nowhere
from tasks.answers.syntax import REASONING
from tasks.answers.tools.calls import Calls
from tasks.answers.tools.format import Format
from tasks.answers.tools.json_calls import read_arguments, read_object

_OPENING: Final = "[TOOL_CALLS]"
_ID: Final = "[CALL_ID]"
_ARGUMENTS: Final = "[ARGS]"
_AFTER_NAME: Final = re.compile(r"[\s\[{]")


def _read(calls: Calls) -> Wait[bool]:
    yield from calls.source.skip_blanks()
    if (yield from calls.source.skip("[")):
        return (yield from _read_array(calls))
    return (yield from _read_named(calls))


def _read_array(calls: Calls) -> Wait[bool]:
    source = calls.source
    while True:
        yield from source.skip_blanks()
        if not (yield from source.skip("{")) or not (yield from read_object(calls, sure=True)):
            return False
        source.hold()
        yield from source.skip_blanks()
        if not (yield from source.skip(",")):
            yield from source.skip("]")
            return True


def _read_named(calls: Calls) -> Wait[bool]:
    source, pieces = calls.source, list[str]()
    yield from source.run(_AFTER_NAME, pieces.append)
    name = "".join(pieces)
    if name not in calls.functions:
        return False
    if (yield from source.skip(_ID)):
        yield from source.run(_AFTER_NAME, nowhere)
    yield from source.skip(_ARGUMENTS)
    yield from source.skip_blanks()
    if (yield from source.peek()) != "{":
        return False
    calls.begin(name)
    yield from read_arguments(calls)
    return True


def _rules(functions: Sequence[Function], marks: Marks, parallel: bool) -> list[str]:
    """Either form; the model knows its own."""
    array, named = ("(COMMA call)*", f"({marks.of(_OPENING)} named)*") if parallel else ("", "")
    return [
        f'calls: " "? "[" call {array} "]" | named {named}',
        r"COMMA: /, ?/",
        "named: " + " | ".join(f"named_{number}" for number in range(len(functions))),
        *(
            f"named_{number}: {json.dumps(function.name)} call_id? {marks.of(_ARGUMENTS)}? {function.arguments()}"
            for number, function in enumerate(functions)
        ),
        f"call_id: {marks.of(_ID)} /[a-zA-Z0-9]{{9}}/",
        *call_rules(functions, key="arguments"),
    ]


MISTRAL: Final = Format(
    "mistral",
    signs=((_OPENING,),),
    opening=_OPENING,
    bare=False,
    read=_read,
    rules=_rules,
    markers=frozenset({_OPENING, _ID, _ARGUMENTS}),
    reasoning=REASONING,
)
