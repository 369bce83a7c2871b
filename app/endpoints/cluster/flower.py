"""``/flower``: Flower behind the front's own port, where it is told of one. Flower asks for its login itself."""

from __future__ import annotations

from urllib.parse import quote

import httpcore
from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from app.access.scopes import without_key
from app.access.session import COOKIE
from app.http.body import read_body
from app.http.other_sites import refuse_change
from app.services.services import services
from tasks.errors import InvalidRequest, Unavailable

PREFIX = "/flower"
SECONDS = 10.0
MOST_BYTES = 1 << 16
"""Of a request's body: Flower's own pages send forms of a few fields."""
ASKED = (
    "Authorization", "Content-Type", "Accept", "Cookie", "X-Requested-With", "If-None-Match", "X-XSRFToken",
    "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User",
)  # fmt: skip
ANSWERED = ("Content-Type", "Location", "WWW-Authenticate", "Set-Cookie", "Cache-Control", "Etag")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_IN_A_QUERY = "!$%&'()*+,/:;=?@[]"


class FlowerUnavailable(Unavailable):
    """Raised when Flower does not answer behind the front's port."""

    code = "flower_unavailable"


def mount(app: Flask, url: str) -> None:
    """Hand on what comes to `/flower` to the Flower at `url`, which must have `FLOWER_URL_PREFIX=flower`."""
    blueprint = Blueprint("flower", __name__)
    pool = httpcore.ConnectionPool(max_connections=16, max_keepalive_connections=0)
    limits = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)

    @blueprint.route(PREFIX, methods=METHODS)
    @blueprint.route(f"{PREFIX}/<path:_path>", methods=METHODS)
    @without_key  # Flower asks for a login of its own
    def proxy(_path: str = "") -> AnyResponse:
        """One request, answered as a whole: Flower has no streams."""
        refuse_change()
        if request.path == PREFIX:  # which Flower does not know: its pages lie below
            return redirect(f"{PREFIX}/{_query()}", 308)
        target = url.rstrip("/") + quote(request.path) + _query()
        try:
            answer = pool.request(
                request.method, target, headers=_headers(), content=_body(), extensions={"timeout": limits}
            )
        except httpcore.LocalProtocolError as exc:
            raise InvalidRequest("Flower cannot be asked this: a header or the path is malformed.") from exc
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as exc:
            raise FlowerUnavailable("Flower does not answer. Try again.") from exc
        found = [(name.decode().title(), value.decode("latin-1")) for name, value in answer.headers]
        wanted = {name.title() for name in ANSWERED}
        return Response(answer.content, answer.status, [(name, value) for name, value in found if name in wanted])

    app.register_blueprint(blueprint)


def is_asked() -> bool:
    """Whether the request being handled is handed on to Flower."""
    return request.blueprint == "flower"


def _headers() -> list[tuple[bytes, bytes]]:
    """What Flower is told of the request's headers. A header's characters are bytes (PEP 3333)."""
    given = [(name, request.headers[name]) for name in ("Host", *ASKED) if name in request.headers]
    return [(name.encode(), without_session(name, value).encode("latin-1")) for name, value in given]


def without_session(name: str, value: str) -> str:
    """The value of a header without our own cookie: a session is none of Flower's."""
    if name != "Cookie":
        return value
    return "; ".join(each.strip() for each in value.split(";") if each.split("=")[0].strip() != COOKIE)


def _query() -> str:
    return f"?{quote(request.query_string, safe=_IN_A_QUERY)}" if request.query_string else ""


def _body() -> bytes:
    """The body. With keys on, Flower asks for a login: whoever sends none has nothing read."""
    if services().settings.keys and not {"Authorization", "Cookie"} & set(request.headers.keys()):
        return b""
    return read_body(MOST_BYTES, too_large=f"A request to Flower has a body of {MOST_BYTES} bytes at most.")
