"""Who calls: one place for all routes, which asks for a key before any of them runs."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import structlog
from flask import Flask, Response, g, request
from pydantic import SecretStr

from app.access import session
from app.access.scopes import scope_of
from app.services.services import services
from tasks.errors import AuthenticationFailed, InsufficientScope
from tasks.models.catalogue import Catalogue
from tasks.records.api_key import ADMIN_OWNER, LOCAL_OWNER, Key, Scope, digest

EVERYBODY = Key(id="", name=LOCAL_OWNER, owner=LOCAL_OWNER, scopes=frozenset(Scope))
"""Who calls while keys are off."""

BOOTSTRAP = Key(id="admin", name="CARAVAN_ADMIN_KEY", owner=ADMIN_OWNER, scopes=frozenset(Scope))
"""Who calls with the key that the settings have."""


SCRAPER = Key(id="metrics", name="CARAVAN_METRICS_KEY", owner="metrics", scopes=frozenset({Scope.METRICS}))
"""Who calls with the key for the metrics that the settings have."""


def install(app: Flask) -> None:
    """Ask for a key before each request."""

    @app.before_request
    def identify() -> None:
        if scope_of(app, request.endpoint) is None:
            return
        g.caller = _identify()
        if services().settings.keys:
            structlog.contextvars.bind_contextvars(owner=caller().owner, key_id=caller().id)

    @app.after_request
    def keep_from_caches(response: Response) -> Response:
        """What a cookie opens, a cache between would tell the next one: it knows keys by their header alone."""
        if session.COOKIE in request.cookies and services().settings.keys:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def install_scopes(app: Flask) -> None:
    """Ask for what the endpoint needs of a key, once the request is counted."""

    @app.before_request
    def check_scope() -> None:
        scope = scope_of(app, request.endpoint)
        if scope is not None and not caller().may(scope):
            raise InsufficientScope(f"This call needs a key with the scope '{scope}'.")


def caller() -> Key:
    """Who makes the request being handled."""
    found: Key = g.caller
    return found


def catalogue() -> Catalogue:
    """The models that the caller may use."""
    return catalogue_of(caller())


def catalogue_of(key: Key) -> Catalogue:
    """The models that a key may use."""
    return services().catalogue.only(key.limits.allows)


def known_caller() -> Key | None:
    """Who calls an endpoint that asks for no key; None if that is not known."""
    try:
        return _identify()
    except AuthenticationFailed:
        return None


def of_session() -> Key | None:
    """The key of the session that the request's cookie names; None if none is open, or another site's page asks."""
    token = session.token()
    found = services().sessions.find(token) if token else None
    if token is None or found is None:
        return None
    known = {key.id: digest(kept.get_secret_value()) for kept, key in _of_settings()}
    if found.key_id in known:
        of_settings = next(key for _, key in _of_settings() if key.id == found.key_id)
        return of_settings if found.is_of(token, known[found.key_id]) else None
    stored = services().keys.digest_of(found.key_id)
    return services().keys.find_by_digest(stored) if stored and found.is_of(token, stored) else None


def secret_of_request() -> str:
    """The key that the request carries; raises AuthenticationFailed if there is none."""
    # Not werkzeug's own reading, which fails on some logins that are no Bearer's.
    login = request.headers.get("Authorization")
    scheme, _, token = ("Bearer", "", request.headers.get("X-Api-Key", "")) if login is None else login.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed("Send an API key: Authorization: Bearer cvn-..., or X-Api-Key: cvn-...")
    return token.strip()


def _identify() -> Key:
    if not services().settings.keys:
        return EVERYBODY
    carries_key = not {"Authorization", "X-Api-Key"}.isdisjoint(request.headers.keys())
    if not carries_key and (found := of_session()):
        return found
    secret = secret_of_request()
    for kept, key_of_settings in _of_settings():
        if hmac.compare_digest(digest(secret), digest(kept.get_secret_value())):
            return key_of_settings
    key = services().keys.find(secret)
    if key is None:
        raise AuthenticationFailed("This API key is wrong, has expired or was revoked.")
    return key


def _of_settings() -> Iterator[tuple[SecretStr, Key]]:
    """The keys that the settings have, each with who calls with it."""
    settings = services().settings
    for kept, key in ((settings.admin_key, BOOTSTRAP), (settings.metrics_key, SCRAPER)):
        if kept is not None:
            yield kept, key
