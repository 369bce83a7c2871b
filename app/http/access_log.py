"""A line of the log for each request, in the form of all others. No query string and no body is in it."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from tasks.logs import get_logger
from tasks.texts import shown

QUIET = frozenset(
    {"health.alive", "health.short", "health.ready", "health.metrics", "overview.index", "console.static"}
)
"""Endpoints that machines and open pages ask all the time: their lines are of the level debug."""

log = get_logger(__name__)


def install(app: Flask) -> None:
    """Log every request once its headers are there; a stream's own end is not logged."""

    @app.before_request
    def begin() -> None:
        g.logged_from = time.perf_counter()

    @app.after_request
    def note(response: Response) -> Response:
        tell = log.debug if request.endpoint in QUIET and response.status_code < 500 else log.info
        job = {"job_id": response.headers["X-Job-Id"]} if "X-Job-Id" in response.headers else {}
        tell(
            "request answered",
            method=request.method,
            path=shown(request.path),
            status=response.status_code,
            seconds=round(time.perf_counter() - g.logged_from, 4),
            **job,
        )
        return response
