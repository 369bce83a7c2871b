"""Lists by cursor, as OpenAI has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from flask import Response, jsonify

from app.http.query import integer
from tasks.errors import InvalidRequest

T = TypeVar("T")


class PageSize(NamedTuple):
    """How many there are on a page: unless the client says, and at most. The document says the same."""

    default: int
    most: int

    def asked(self) -> int:
        """What the request's ``?limit=`` asks for; raises InvalidRequest."""
        return integer("limit", self.default, 1, self.most)


@contextmanager
def known_cursor(things: str) -> Iterator[None]:
    """Where ``?after=`` is looked up: an id that is not found among the caller's `things` is an InvalidRequest."""
    try:
        yield
    except LookupError as exc:
        raise InvalidRequest(f"after is not the id of one of your {things}.", param="after") from exc


def page(
    found: Sequence[T], *, limit: int, view: Callable[[T], Mapping[str, Any]], looked_at: str | None = None
) -> Response:
    """A page of what was looked for one beyond its limit, so that it is known whether there is more.

    Args:
        looked_at: the id of the last that was looked at where others were not; the next page begins after it.
    """
    shown = [view(one) for one in found[:limit]]
    over = len(found) > limit
    return jsonify(
        {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": looked_at if looked_at and not over else shown[-1]["id"] if shown else None,
            "has_more": over or looked_at is not None,
        }
    )
