"""The front as tests call it without a server: Flask's own client, over a real Redis."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from tasks.ledger.api_keys import KeyStore
from tasks.records.api_key import Key, Limits, Scope, new_id
from tasks.settings import Settings

ADMIN_KEY = "cvn-test-admin-0123456789-0123456789-0123456789"


_opened: list[Flask] = []


def front(settings: Settings, **changes: Any) -> FlaskClient:
    """A front that asks for keys, and that knows `ADMIN_KEY`. It listens for streams until `close_fronts`.

    A model has to be called by its name there.
    """
    given = {**settings.model_dump(), "keys": True, "admin_key": ADMIN_KEY, "any_model_name": False, **changes}
    app = create_app(Settings(**given))
    _opened.append(app)
    return app.test_client()


def close_fronts() -> None:
    while _opened:
        services = _opened.pop().extensions["caravan"]
        services.hub.close()
        services.streams.close()


def key(owner: str = "alice", scope: Scope = Scope.INFERENCE, **limits: Any) -> Key:
    """A key that is kept nowhere yet."""
    return Key(id=new_id(), name=owner, owner=owner, scopes=frozenset({scope}), limits=Limits(**limits))


def caller(keys: KeyStore, owner: str = "alice", **limits: Any) -> dict[str, str]:
    """The header of a new key with such limits."""
    return bearer(keys.create(key(owner, **limits))[1])


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
