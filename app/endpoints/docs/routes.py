"""``GET /openapi.json``, and ``GET /docs``: the page that shows it, without asking any other host."""

from __future__ import annotations

import json
from pathlib import PurePath

from flask import Blueprint, Response, current_app, request

from app.endpoints.docs.build import build
from app.endpoints.docs.page import FILES
from app.services.services import services
from tasks.errors import NotFound

blueprint = Blueprint("docs", __name__)

_MADE = "openapi"
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
}
_ONLY_OURS = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the stylesheet carries its icons
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@blueprint.get("/openapi.json")
def document() -> Response:
    """This API, as an OpenAPI 3.1 document."""
    return Response(_document(), mimetype="application/json")


@blueprint.get("/docs")
def page() -> Response:
    """The interactive API reference."""
    return _send("index.html")


@blueprint.get("/docs/<file>")
def file(file: str) -> Response:
    """A file of that page."""
    if file not in FILES:
        raise NotFound("The page does not have this file.")
    return _send(file)


def _document() -> bytes:
    """Made at the first request, and once a process."""
    made: bytes | None = current_app.extensions.get(_MADE)
    if made is None:
        made = json.dumps(
            build(current_app, services().described, services().catalogue, keys=services().settings.keys),
            ensure_ascii=False,
        ).encode()
        current_app.extensions[_MADE] = made
    return made


def _send(name: str) -> Response:
    response = Response(FILES[name].read_bytes(), content_type=_CONTENT_TYPES[PurePath(name).suffix])
    response.headers["Content-Security-Policy"] = _ONLY_OURS
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


BLUEPRINTS = (blueprint,)
