"""``{"name": ..., "parameters": {...}}``, after ``<|python_tag|>`` or as the whole answer: Llama 3.1 and later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tasks.answers.lark import Function, Marks
from tasks.answers.source import Wait
from tasks.answers.tools.calls import Calls
from tasks.answers.tools.format import Format
from tasks.answers.tools.plain_json import object_rules, read_objects

_OPENING: Final = "<|python_tag|>"


def _read(calls: Calls) -> Wait[bool]:
    yield from calls.source.skip_blanks()
    return (yield from calls.source.skip("{")) and (yield from read_objects(calls))


def _rules(functions: Sequence[Function], _marks: Marks, parallel: bool) -> list[str]:
    return object_rules(functions, parallel, key="parameters")


LLAMA3: Final = Format(
    "llama3",
    signs=((_OPENING,), ("<|start_header_id|>", "ipython")),
    opening=_OPENING,
    bare=True,
    read=_read,
    rules=_rules,
    markers=frozenset({_OPENING}),
)
