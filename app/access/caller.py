"""Who calls: one place for all routes, which asks for a key before any of them runs."""

from __future__ import annotations

import hmac

import structlog
from flask import Flask, g, request

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


def _identify() -> Key:
    settings = services().settings
    if not settings.keys:
        return EVERYBODY
    secret = _secret()
    for kept, key_of_settings in ((settings.admin_key, BOOTSTRAP), (settings.metrics_key, SCRAPER)):
        if kept is not None and hmac.compare_digest(digest(secret), digest(kept.get_secret_value())):
            return key_of_settings
    key = services().keys.find(secret)
    if key is None:
        raise AuthenticationFailed("This API key is wrong, has expired or was revoked.")
    return key


def _secret() -> str:
    """The key that the request carries; raises AuthenticationFailed if there is none."""
    # Not werkzeug's own reading, which fails on some logins that are no Bearer's.
    login = request.headers.get("Authorization")
    scheme, _, token = ("Bearer", "", request.headers.get("X-Api-Key", "")) if login is None else login.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed("Send an API key: Authorization: Bearer cvn-..., or X-Api-Key: cvn-...")
    return token.strip()
