"""Streams of JSON, one value a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Response

from app.http.json_pieces import text

TYPE = "application/x-ndjson"

_encode = json.JSONEncoder(separators=(",", ":")).encode


def line(value: Any, *, whole: bool = False) -> str:
    """One line. Its JSON is ASCII: many readers break lines at characters of Unicode too.

    Args:
        whole: whether the value may be large; then it is made in pieces.
    """
    return (text(value) if whole else _encode(value)) + "\n"


def respond(lines: Iterable[str]) -> Response:
    """A response that streams lines, and that neither caches nor proxies hold back."""
    response = Response(lines, mimetype=TYPE)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response
