"""Reading calls that are written as JSON objects: ``{"name": ..., "arguments": {...}}``."""

from __future__ import annotations

from typing import Final

from tasks.answers.json_text import as_object, collect, read_value, unquoted
from tasks.answers.source import Wait, nowhere
from tasks.answers.tools.calls import Calls

_NAME_KEYS: Final = frozenset({"name", "function"})
_ARGUMENT_KEYS: Final = frozenset({"arguments", "parameters"})
_KEYS: Final = _NAME_KEYS | _ARGUMENT_KEYS | {"id", "type"}


def read_arguments(calls: Calls) -> Wait[None]:
    """The value that comes next, as the last call's arguments; objects as they come."""
    if (yield from calls.source.peek()) in ("{", "["):
        yield from read_value(calls.source, calls.add_arguments)
    else:
        calls.add_arguments(as_object((yield from collect(calls.source))))


def read_object(calls: Calls, *, sure: bool) -> Wait[bool]:
    """A call's object after its brace; whether it is one.

    If it is not, the source holds what was taken. `sure` is whether something else says that it is a call: a name
    is enough then. Else it takes arguments too, and no other keys, as an object with a name may be anything.
    """
    return (yield from _Object(calls, sure=sure).read())


class _Object:
    """One object while it is read, which OpenAI's form nests in another, under "function"."""

    def __init__(self, calls: Calls, *, sure: bool) -> None:
        self._calls, self._source, self._sure = calls, calls.source, sure
        self._depth = 1
        self._name: str | None = None
        self._begun = self._has_arguments = False
        self._early = ""

    def read(self) -> Wait[bool]:
        while self._depth:
            yield from self._source.skip_blanks()
            first = yield from self._source.peek()
            if first == "}":
                self._depth -= 1
                self._source.take()
            elif first == ",":
                self._source.take()
            elif first != '"' or not (yield from self._read_member()):
                return self._begun
        if self._begun and not self._has_arguments:
            self._calls.add_arguments("{}")
        return self._begun

    def _read_member(self) -> Wait[bool]:
        """Whether it can be one of a call."""
        key = unquoted((yield from collect(self._source)))
        yield from self._source.skip_blanks()
        known = key in _KEYS or self._sure or self._begun
        if key is None or not known or not (yield from self._source.skip(":")):
            return False
        yield from self._source.skip_blanks()
        first = yield from self._source.peek()
        if key in _NAME_KEYS and first == '"' and self._name is None:
            return (yield from self._read_name())
        if key in _ARGUMENT_KEYS and not self._has_arguments:
            yield from self._read_arguments()
        elif key == "function" and first == "{":
            self._source.take()
            self._depth += 1
        else:
            yield from read_value(self._source, nowhere)
        return True

    def _read_name(self) -> Wait[bool]:
        name = unquoted((yield from collect(self._source)))
        if name is None or name not in self._calls.functions:
            return False
        self._name = name
        if self._has_arguments or self._sure:
            self._begin(name)
            self._calls.add_arguments(self._early)
        return True

    def _read_arguments(self) -> Wait[None]:
        self._has_arguments = True
        if self._name is None:
            self._early = as_object((yield from collect(self._source)))
        else:
            self._begin(self._name)
            yield from read_arguments(self._calls)

    def _begin(self, name: str) -> None:
        if not self._begun:
            self._begun = True
            self._calls.begin(name)
