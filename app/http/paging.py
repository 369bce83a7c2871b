"""Lists by cursor, as OpenAI has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Response, jsonify

T = TypeVar("T")


def page(found: Sequence[T], *, limit: int, view: Callable[[T], dict[str, Any]]) -> Response:
    """A page of what was looked for one beyond its limit, so that it is known whether there is more."""
    shown = [view(one) for one in found[:limit]]
    return jsonify(
        {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": len(found) > limit,
        }
    )
