"""``<tool_call>{"name": ..., "arguments": {...}}</tool_call>``, repeated: Hermes 2 and 3, Qwen 2.5 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tasks.answers.lark import Function, Marks, call_rules
from tasks.answers.source import Wait
from tasks.answers.tools.calls import Calls
from tasks.answers.tools.format import Format
from tasks.answers.tools.json_calls import read_object

_OPENING: Final = "<tool_call>"
_CLOSING: Final = "</tool_call>"


def _read(calls: Calls) -> Wait[bool]:
    """One element, which may hold more than one call."""
    source = calls.source
    while True:
        yield from source.skip_blanks()
        if not (yield from source.skip("{")) or not (yield from read_object(calls, sure=True)):
            return False
        yield from source.skip_blanks()
        if (yield from source.skip(_CLOSING)) or (yield from source.peek()) != "{":
            return True
        source.hold()


def _rules(functions: Sequence[Function], marks: Marks, parallel: bool) -> list[str]:
    more = f"(GAP {marks.of(_OPENING)} element)*" if parallel else ""
    return [
        f"calls: element {more}",
        f"element: GAP call GAP {marks.of(_CLOSING)}",
        *call_rules(functions, key="arguments"),
    ]


HERMES: Final = Format(
    "hermes",
    signs=((_OPENING,),),
    opening=_OPENING,
    bare=False,
    read=_read,
    rules=_rules,
    markers=frozenset({_OPENING, _CLOSING}),
)
