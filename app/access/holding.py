"""Which calls hold their connection: event streams, calls that wait for their job, and downloads.

A route says so itself. A call that is said to hold one counts among its owner's streams from before it begins until
its response has been sent, or given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, request

_HOLDS = "caravan_holds"

View = TypeVar("View", bound=Callable[..., object])
When = Callable[[], bool]


def holds(when: When = lambda: True) -> Callable[[View], View]:
    """Have a route count as holding its connection, always or when the request is such a one."""

    def mark(view: View) -> View:
        setattr(view, _HOLDS, when)
        return view

    return mark


def is_held(app: Flask, endpoint: str | None) -> bool:
    """Whether the request being handled is to hold its connection."""
    when: When | None = getattr(app.view_functions.get(endpoint or ""), _HOLDS, None)
    return when is not None and when()


def asks_to_wait() -> bool:
    """Whether the request has ``?wait=`` or ``Prefer: wait``."""
    return "wait" in request.args or "wait" in request.headers.get("Prefer", "").lower()
