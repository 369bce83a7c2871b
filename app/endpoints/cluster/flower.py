"""``/flower``: Flower behind the front's own port, where it is told of one. Flower asks for its login itself."""

from __future__ import annotations

from urllib.parse import quote

import httpcore
from flask import Blueprint, Flask, Response, request

from app.access.scopes import without_key
from tasks.errors import Unavailable

PREFIX = "/flower"
SECONDS = 10.0
ASKED = ("Authorization", "Content-Type", "Accept", "Cookie", "X-Requested-With", "If-None-Match")
ANSWERED = ("Content-Type", "Location", "WWW-Authenticate", "Set-Cookie", "Cache-Control", "Etag")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


class FlowerUnavailable(Unavailable):
    """Raised when Flower does not answer behind the front's port."""

    code = "flower_unavailable"


def mount(app: Flask, url: str) -> None:
    """Hand on what comes to `/flower` to the Flower at `url`, which must have `FLOWER_URL_PREFIX=flower`."""
    blueprint = Blueprint("flower", __name__)
    pool = httpcore.ConnectionPool(max_connections=16, max_keepalive_connections=0)
    limits = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)

    @blueprint.route(PREFIX, defaults={"_path": ""}, methods=METHODS)
    @blueprint.route(f"{PREFIX}/", defaults={"_path": ""}, methods=METHODS)
    @blueprint.route(f"{PREFIX}/<path:_path>", methods=METHODS)
    @without_key  # Flower asks for a login of its own
    def proxy(_path: str) -> Response:
        """One request, answered as a whole: Flower has no streams."""
        headers = [
            ("Host", request.host),
            *((name, request.headers[name]) for name in ASKED if name in request.headers),
        ]
        query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
        target = url.rstrip("/") + quote(request.path) + query
        try:
            answer = pool.request(
                request.method,
                target,
                headers=headers,
                content=request.get_data(),
                extensions={"timeout": limits},
            )
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as exc:
            raise FlowerUnavailable("Flower does not answer. Try again.") from exc
        found = [(name.decode().title(), value.decode("latin-1")) for name, value in answer.headers]
        wanted = {name.title() for name in ANSWERED}
        return Response(answer.content, answer.status, [(name, value) for name, value in found if name in wanted])

    app.register_blueprint(blueprint)
