"""Pages for whoever opens an address in a browser. Programs are answered with JSON.

A page is all that a browser gets: it has no script, asks no other host, and lies in no other site's frame.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Request, Response
from markupsafe import Markup

from app.http.hosts import SAFE

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem}li{margin:.25rem 0}"
)
_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE = Markup(
    "<!doctype html>\n"
    '<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><h1>{title}</h1>\n{texts}<ul>\n{links}</ul></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A place on this server. `path` begins with a slash."""

    path: str
    meaning: str


def is_wanted(request: Request) -> bool:
    """Whether a browser opens an address, and so a person is to read the answer.

    That is a GET or HEAD whose ``Accept`` names ``text/html``, as no program does that reads JSON: not one that names
    JSON as well, carries a key, or sends JSON, nor what a page's script asks for (``Sec-Fetch-Mode``, Fetch metadata).
    """
    headers = request.headers
    if request.method not in SAFE or headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return False
    if headers.get("Authorization", "").lower().startswith("bearer"):
        return False
    if "json" in headers.get("Content-Type", "").lower():
        return False
    accepted = request.accept_mimetypes
    named = {kind.lower() for kind, quality in accepted if quality > 0}
    if "text/html" not in named or any("json" in kind for kind in named):
        return False
    return accepted["text/html"] >= accepted["application/json"]


def respond(title: str, texts: Iterable[str], links: Iterable[Link], *, path: str, status: int = 200) -> Response:
    """A page. Whatever is said on it is text: nothing of it is read as HTML.

    Args:
        path: where it is shown. Links are relative to it, since a proxy may have put a prefix before all paths.
    """
    up = "../" * (path.count("/") - 1) or "./"
    page = _PAGE.format(
        title=title,
        style=Markup(_STYLE),  # noqa: S704 - our own
        texts=Markup("").join(Markup("<p>{}</p>\n").format(text) for text in texts),
        links=Markup("").join(
            Markup('<li><a href="{}">{}</a>: {}</li>\n').format(f"{up}{link.path[1:]}", link.path, link.meaning)
            for link in links
        ),
    )
    response = Response(page, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
