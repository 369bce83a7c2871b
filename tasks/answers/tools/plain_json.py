"""``{"name": ..., "arguments": {...}}`` as the whole answer: what a model can be asked for that knows no tools.

Also read are an array of such, OpenAI's ``{"tool_calls": [...]}``, and each of them in a fence of Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tasks.answers.lark import Function, Marks, call_rules
from tasks.answers.source import Source, Wait
from tasks.answers.tools.calls import Calls
from tasks.answers.tools.format import Format
from tasks.answers.tools.json_calls import read_object

_FENCE: Final = "```"


def read_objects(calls: Calls) -> Wait[bool]:
    """Calls after the first one's brace; blanks, a comma or a semicolon may stand between them."""
    source = calls.source
    while (yield from read_object(calls, sure=False)):
        source.hold()
        yield from source.skip_blanks()
        separated = (yield from source.skip(";")) or (yield from source.skip(","))
        yield from source.skip_blanks()
        if not (yield from source.skip("{")):
            return not separated
    return False


def object_rules(functions: Sequence[Function], parallel: bool, *, key: str) -> list[str]:
    """Rules for calls that nothing but a new line or a semicolon stands between."""
    more = "(SEPARATOR call)*" if parallel else ""
    return [f"calls: call {more}", r"SEPARATOR: /\n|; ?/", *call_rules(functions, key=key)]


def _read(calls: Calls) -> Wait[bool]:
    source, closing = calls.source, list[str]()
    if (yield from source.skip(_FENCE)):
        yield from source.skip("json")
        yield from source.skip_blanks()
        closing = [_FENCE]
    if (yield from source.skip("[")):
        closing = ["]", *closing]
        yield from source.skip_blanks()
    if not (yield from source.skip("{")):
        return False
    yield from source.skip_blanks()
    if (yield from source.skip('"tool_calls"')):
        closing = ["]", "}", *closing]
        if not (yield from _skip_all(source, ":", "[", "{")):
            return False
    if not (yield from read_objects(calls)):
        return False
    yield from _skip_all(source, *closing)
    return True


def _skip_all(source: Source, *literals: str) -> Wait[bool]:
    """Take these, with blanks between; whether all came."""
    for literal in literals:
        yield from source.skip_blanks()
        if not (yield from source.skip(literal)):
            return False
    return True


def _rules(functions: Sequence[Function], _marks: Marks, parallel: bool) -> list[str]:
    return object_rules(functions, parallel, key="arguments")


PLAIN_JSON: Final = Format("json", signs=((),), opening=None, bare=True, read=_read, rules=_rules)
