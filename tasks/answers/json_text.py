"""Finding the end of JSON that is still being written. It is not checked: what a model writes is handed on as it is."""

from __future__ import annotations

import json
import re
from typing import Final

from tasks.answers.source import Sink, Source, Wait

_IN_STRING: Final = re.compile(r'["\\]')
_STRUCTURE: Final = re.compile(r'["{}\[\]]')
_AFTER_SCALAR: Final = re.compile(r'[\s,:"{}\[\]]')


def read_value(source: Source, sink: Sink) -> Wait[bool]:
    """Hand on the text of the next value; whether it is whole."""
    first = yield from source.peek()
    if first == '"':
        return (yield from read_string(source, sink))
    if first in ("{", "["):
        return (yield from _read_nested(source, sink))
    return bool((yield from source.run(_AFTER_SCALAR, sink)))


def read_string(source: Source, sink: Sink) -> Wait[bool]:
    """The same for a string, at its first quote."""
    sink(source.take())
    while found := (yield from source.run(_IN_STRING, sink)):
        sink(source.take())
        if found == '"':
            return True
        if not (yield from source.peek()):
            break
        sink(source.take())
    return False


def _read_nested(source: Source, sink: Sink) -> Wait[bool]:
    depth = 0
    while found := (yield from source.run(_STRUCTURE, sink)):
        if found == '"':
            yield from read_string(source, sink)
            continue
        sink(source.take())
        depth += 1 if found in "{[" else -1
        if depth == 0:
            return True
    return False


def collect(source: Source) -> Wait[str]:
    """The text of the next value, or what there is of it."""
    pieces: list[str] = []
    yield from read_value(source, pieces.append)
    return "".join(pieces)


def unquoted(text: str) -> str | None:
    """The string that a JSON text stands for; None if it is something else, or no text can be."""
    try:
        value = json.loads(text, strict=False)
        if isinstance(value, str):
            value.encode()  # a lone surrogate cannot be sent on
            return value
    except (ValueError, RecursionError):
        pass
    return None


def as_object(text: str) -> str:
    """The object that arguments are: some models write it as a string, or null for none. Else the text as it is."""
    if text == "null":
        return "{}"
    inner = unquoted(text) if text.startswith('"') else None
    return inner if inner is not None and _is_object(inner) else text


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_int=str), dict)
    except (ValueError, RecursionError):
        return False
