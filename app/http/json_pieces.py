"""JSON of large objects, made in pieces, between which the others of a web process have their turns.

While one makes 10 MB at once, nobody else of its process is answered for a third of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Response
from flask.json.provider import DefaultJSONProvider

from app.http.turns import pause

DEEPEST = 50
"""How deep an object is taken apart."""
PIECE = 1 << 14
"""Characters of a piece, about: what is smaller is made in one go, by the encoder in C."""
TURN = 1 << 16
"""Characters between two pauses: a millisecond or two."""
SCALAR = 12
"""Characters of a number, or of a key, about."""


def _known(value: Any) -> Any:
    """What the encoder can write of a value that it does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_whole = json.JSONEncoder(separators=(",", ":"), default=_known).encode
"""The JSON of a value in one piece. `json.dumps` would make an encoder for each."""


class PiecewiseJSON(DefaultJSONProvider):
    """Flask's JSON, but what is made in one go is small."""

    sort_keys = False

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """A response with the JSON of its arguments, as Flask's own."""
        return Response(f"{text(self._prepare_response_obj(args, kwargs))}\n", mimetype=self.mimetype)


def text(value: Any) -> str:
    """The JSON of a value, without spaces."""
    made, since = [], 0
    for piece in pieces(value):
        made.append(piece)
        since += len(piece)
        if since >= TURN:
            pause()
            since = 0
    return "".join(made)


def pieces(value: Any, depth: int = 0) -> Iterator[str]:
    """The JSON of a value, without spaces, in texts that follow on each other."""
    if depth == DEEPEST or not value or not isinstance(value, Mapping | list | tuple) or _size(value) < PIECE:
        yield _whole(value)
    elif isinstance(value, Mapping):
        yield from _of_object(value, depth)
    else:
        yield from _of_list(value, depth)


def _of_object(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    before = "{"
    for key, item in value.items():
        yield f"{before}{_whole(key) if isinstance(key, str) else _name(key)}:"
        yield from pieces(item, depth + 1)
        before = ","
    yield "}"


def _name(key: Any) -> str:
    """What the encoder makes of a key that is no text."""
    return _whole({key: 0})[1:-3]


def _of_list(value: Sequence[Any], depth: int) -> Iterator[str]:
    """Items that are small are made some at a time."""
    before, first, size = "[", 0, 0
    for at, item in enumerate(value):
        own = _size(item) if isinstance(item, _SIZED) else SCALAR
        if first < at and size + own >= PIECE:
            yield before + _whole(value[first:at])[1:-1]
            before, first, size = ",", at, 0
        size += own
        if own >= PIECE:
            yield before
            yield from pieces(item, depth + 1)
            before, first, size = ",", at + 1, 0
    if first < len(value):
        yield before + _whole(value[first:])[1:-1]
    yield "]"


def _size(value: Any) -> int:
    """About the characters of a value's JSON, or `PIECE` at least if they are more."""
    size, rest = 0, [value]
    while rest and size < PIECE:
        one = rest.pop()
        if isinstance(one, str):
            size += len(one)
            continue
        size += SCALAR * (len(one) + 1)
        if isinstance(one, Mapping):
            one = one.values()
        elif isinstance(one[0] if one else 0, int | float):
            continue
        rest += [item for item in one if isinstance(item, _SIZED) and item]
    return size


_SIZED = (str, dict, list, tuple, Mapping)
"""Types of which a value may be long; classes before the slow check of an abstract one."""
