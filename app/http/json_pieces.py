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

DEEPEST = 8
"""How deep an object is taken apart: as far as the items of logprobs in the last event of a response's stream."""
SCALARS = 1000
"""Numbers or texts of a list in one piece."""
TURN = 1 << 16
"""Characters between two pauses: a millisecond or two."""

_whole = json.JSONEncoder(separators=(",", ":")).encode
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
    if depth == DEEPEST or not value or not isinstance(value, Mapping | list | tuple):
        yield _whole(value)
    elif isinstance(value, Mapping):
        yield from _of_object(value, depth)
    elif isinstance(value[0], Mapping | list | tuple):
        yield from _of_list(value, depth)
    else:
        yield from _of_scalars(value)


def _of_object(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    before = "{"
    for key, item in value.items():
        yield f"{before}{_whole(key)}:"
        yield from pieces(item, depth + 1)
        before = ","
    yield "}"


def _of_list(value: Sequence[Any], depth: int) -> Iterator[str]:
    before = "["
    for item in value:
        yield before
        yield from pieces(item, depth + 1)
        before = ","
    yield "]"


def _of_scalars(value: Sequence[Any]) -> Iterator[str]:
    before = "["
    for first in range(0, len(value), SCALARS):
        yield before + _whole(value[first : first + SCALARS])[1:-1]
        before = ","
    yield "]"
