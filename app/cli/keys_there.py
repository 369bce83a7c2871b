"""Where the keys are that ``caravan keys`` is asked for: behind a cluster's API, or in its Redis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from click.core import ParameterSource

from app.bodies.validation import validate
from app.cli.connection import cluster
from app.cli.up.address import running
from app.cli.up.admin_key import FILE
from app.endpoints.keys.view import view
from app.endpoints.keys.wire import KeyBody, check_models
from caravan_client import Client
from tasks.environment import read_settings
from tasks.errors import CaravanError
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.models.catalogue import CatalogueError, load
from tasks.settings import Settings

DATA = Path(".caravan")
"""Where `caravan up` keeps what it has, unless told otherwise."""


class Keys(Protocol):
    """What is asked of keys, wherever they are. Keys are as the HTTP calls show them."""

    def create(self, body: dict[str, Any]) -> dict[str, Any]: ...

    def list(self) -> Any: ...

    def revoke(self, key_id: str) -> None: ...


class _OverHttp:
    def __init__(self, api: Client) -> None:
        self._api = api

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._api.call("POST", "/admin/keys", body=body)
        return made

    def list(self) -> Any:
        return self._api.call("GET", "/admin/keys")["data"]

    def revoke(self, key_id: str) -> None:
        self._api.call("DELETE", f"/admin/keys/{key_id}")


class _InRedis:
    def __init__(self, store: KeyStore, models: Iterable[str] | None) -> None:
        self._store, self._models = store, models

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = validate(KeyBody, body)
        if self._models is not None:
            check_models(asked, self._models)
        key, secret = self._store.create(asked.key(), expires_in=asked.expires_in)
        return {**view(key), "key": secret}

    def list(self) -> Any:
        return [view(key) for key in self._store.all()]

    def revoke(self, key_id: str) -> None:
        if not self._store.revoke(key_id):
            raise click.ClickException(f"There is no key '{key_id}'. `caravan keys list` shows them.")


@contextmanager
def keys_there(url: str, api_key: str | None) -> Iterator[Keys]:
    """The keys of the cluster that is there, for a command that has the options of a cluster.

    Without an API key those in the Redis of the settings, if they name one. Else those of the cluster at the address
    that is given, or of the one that `caravan up` runs from this folder, whose first key is sent to it alone. If
    neither is there, an API key is sent to the default address, and without one the default Redis is asked.
    """
    settings, here = read_settings(), running(DATA)
    is_given = click.get_current_context().get_parameter_source("url") is not ParameterSource.DEFAULT
    where = url if is_given or here is None else here
    if not api_key and ("redis_url" in settings.model_fields_set or not (is_given or here)):
        try:
            yield _in_redis(settings)
        except CaravanError as exc:
            raise click.ClickException(exc.message) from exc
        return
    with cluster(where, api_key or (_key_here(settings) if where == here else None)) as api:
        yield _OverHttp(api)


def _key_here(settings: Settings) -> str | None:
    """The first key of the cluster that runs from this folder, as `caravan up` has it."""
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    try:
        return (DATA / FILE).read_text().strip() or None
    except OSError:
        return None


def _in_redis(settings: Settings) -> Keys:
    client = connect(settings.ledger_url)
    try:
        client.ping()
    except UNAVAILABLE as exc:
        here = "" if "redis_url" in settings.model_fields_set else "No cluster runs from this folder. "
        raise click.ClickException(
            f"{here}The Redis of CARAVAN_REDIS_URL does not answer ({exc}). To ask a cluster over HTTP, give its --url "
            "or CARAVAN_URL, and an admin's --api-key or CARAVAN_API_KEY."
        ) from exc
    try:
        models = load(settings.models_file) if settings.models_file else None
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc
    return _InRedis(KeyStore(client), models)
