"""Requests that other sites' pages make a browser send: while keys are off, none has an effect."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, request

from app.http.hosts import LOCAL, SAFE, is_cross_site, is_known, own_names
from tasks.errors import ForeignSite
from tasks.settings import Settings


def install(app: Flask, settings: Settings, *, controls: Callable[[], bool]) -> None:
    """Refuse them before each request, unless keys are asked for: another site's page has none.

    To be installed after CORS: a browser asks first whether it may send, and that has no effect.

    Args:
        controls: whether the request controls the cluster. For that ``localhost`` among the origins is not enough.
    """
    if settings.keys:
        return
    names = own_names(settings.host).union(settings.hosts)
    named = [origin for origin in settings.cors_origins if origin != LOCAL]

    @app.before_request
    def refuse() -> None:
        if not is_known(request.headers.get("Host", ""), names):
            raise ForeignSite(
                "This server does not go by the name in 'Host'. Add it to CARAVAN_HOSTS, or turn keys on.",
                param="Host",
                code="foreign_host",
            )
        origins = named if controls() else settings.cors_origins
        if is_cross_site(request.method, dict(request.headers), origins):
            raise _cross_site()


def refuse_change() -> None:
    """Where a browser logs in by itself: raises ForeignSite if another site's page sends more than a question."""
    if request.method not in SAFE and is_cross_site(request.method, dict(request.headers)):
        raise _cross_site()


def _cross_site() -> ForeignSite:
    return ForeignSite("Pages of other sites may not call this. CARAVAN_CORS_ORIGINS names those that may.")
