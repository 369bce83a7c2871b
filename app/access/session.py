"""The session of a browser: a cookie in the place of a key, for this server's own pages alone."""

from __future__ import annotations

import re
from typing import Final

from flask import Response, current_app, request

from app.access.scopes import reads
from app.http.hosts import SAFE, is_cross_site

COOKIE: Final = "caravan-session"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def token() -> str | None:
    """The token that the request may be answered by; None if there is none, or another site's page sends it."""
    sent = request.cookies.get(COOKIE, "")
    return sent if _TOKEN.fullmatch(sent) and _is_own() else None


def keep(response: Response, token: str, *, seconds: int) -> None:
    """Have the browser send a token from now on, to this server alone."""
    response.set_cookie(COOKIE, token, max_age=seconds, path="/", secure=_is_https(), httponly=True, samesite="Strict")


def drop(response: Response) -> None:
    """Have the browser forget its token."""
    response.delete_cookie(COOKIE, path="/", secure=_is_https(), httponly=True, samesite="Strict")


def _is_own() -> bool:
    """Whether one of our pages sends the request, or a person who opens an address.

    A browser sends no cookie of this kind for another site's page. But other ports of a name are the same site to it,
    so what it tells of the page is read as well: at what changes something, it has to tell.
    """
    headers = dict(request.headers)
    if request.method in SAFE and reads(current_app, request.endpoint):
        return not is_cross_site(request.method, headers)
    return not {"Sec-Fetch-Site", "Origin"}.isdisjoint(headers) and not is_cross_site("POST", headers)


def _is_https() -> bool:
    """Whether the browser speaks TLS, also where that ends before us: it says itself of which page it is."""
    return request.is_secure or request.headers.get("Origin", "").lower().startswith("https://")
