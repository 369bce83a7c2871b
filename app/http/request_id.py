"""Every request has an id: the client's ``X-Request-Id`` if it is a sane one, else a new one."""

from __future__ import annotations

import re
import uuid

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def current() -> str:
    """The id of the request being handled."""
    return str(g.request_id)


def install(app: Flask) -> None:
    """Bind the id to the log before each request, and send it back after it."""

    @app.before_request
    def bind() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def send(response: Response) -> Response:
        response.headers[HEADER] = current()
        return response
