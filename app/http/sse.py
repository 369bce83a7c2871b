"""Server-sent events: framing and headers (HTML standard, section 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Response

from app.http.json_pieces import text

HEARTBEAT = ": still here\n\n"
"""A comment: readers skip it, and a proxy sees that the stream is alive."""

_LINE_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}
"""Line breaks to Unicode but not to this format: many readers split on them all the same."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

DONE = "data: [DONE]\n\n"


def frame(data: Any, *, event: str = "", cursor: str = "", whole: bool = False) -> str:
    """One event. The JSON has no line breaks, so one ``data:`` line holds it.

    Args:
        whole: whether it tells all that was made, which may be large; then its JSON is ASCII, and made in pieces.
    """
    body = text(data) if whole else _on_one_line(data)
    head = (f"id: {cursor}\n" if cursor else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {body}\n\n"


def _on_one_line(data: Any) -> str:
    line = _encode(data)
    return line if line.isascii() else line.translate(_LINE_BREAKS)


def respond(frames: Iterable[str] | Iterable[bytes]) -> Response:
    """A response that streams frames, and that neither caches nor proxies hold back."""
    response = Response(frames, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response
