"""Who calls: one place for all routes, which asks for a key before any of them runs."""

from __future__ import annotations

import hmac

import structlog
from flask import Flask, g, request

from app.services import services
from tasks import names
from tasks.errors import AuthenticationFailed, InsufficientScope
from tasks.keys import Key, Scope, digest
from tasks.models.catalogue import Catalogue

OPEN = frozenset({"health.alive", "health.ready", "flower.proxy"})
"""Endpoints of probes, which have no keys and tell nothing without one, and Flower, which asks for a login of its own.
Any other asks for a key, also one that nobody thought of."""

ADMIN = frozenset(
    {"health.metrics", "queues.pause", "queues.drain", "queues.resume", "keys.create", "keys.index", "keys.revoke"}
)
"""Endpoints that are about more than the caller's own."""

EVERYBODY = Key(id="", name=names.LOCAL_OWNER, owner=names.LOCAL_OWNER, scopes=frozenset(Scope))
"""Who calls while keys are off."""

BOOTSTRAP = Key(id="admin", name="CARAVAN_ADMIN_KEY", owner="admin", scopes=frozenset(Scope))
"""Who calls with the key that the settings have."""


def install(app: Flask) -> None:
    """Ask for a key before each request, and for what the endpoint needs of it."""

    @app.before_request
    def identify() -> None:
        if request.endpoint in OPEN:
            return
        g.caller = _identify()
        if services().settings.keys:
            structlog.contextvars.bind_contextvars(owner=caller().owner, key_id=caller().id)
        if not caller().may(Scope.ADMIN if request.endpoint in ADMIN else Scope.INFERENCE):
            raise InsufficientScope("This call is for keys with the scope 'admin'.")


def caller() -> Key:
    """Who makes the request being handled."""
    found: Key = g.caller
    return found


def catalogue() -> Catalogue:
    """The models that the caller may use."""
    return catalogue_of(caller())


def catalogue_of(key: Key) -> Catalogue:
    """The models that a key may use."""
    whole = services().catalogue
    return Catalogue({name: whole[name] for name in whole if key.limits.allows(name)})


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
    admin = settings.admin_key
    if admin is not None and hmac.compare_digest(digest(secret), digest(admin.get_secret_value())):
        return BOOTSTRAP
    key = services().keys.find(secret)
    if key is None:
        raise AuthenticationFailed("This API key is not known: it is wrong, has expired or was revoked.")
    return key


def _secret() -> str:
    """The key that the request carries; raises AuthenticationFailed if there is none."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise AuthenticationFailed("Send an API key: Authorization: Bearer cvn-...")
    return given.token
