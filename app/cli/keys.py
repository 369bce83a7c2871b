"""``caravan keys``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

from app.cli.connection import cluster, key_option, url_option
from app.endpoints.keys.view import view
from app.endpoints.keys.wire import KeyBody
from caravan_client import Client
from tasks.environment import read_settings
from tasks.errors import CaravanError
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import UNAVAILABLE, connect

DAY_SECONDS = 86_400


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys.

    With an admin's API key the command uses HTTP; without a key it uses the Redis of CARAVAN_REDIS_URL.
    """


@command.command("create")
@click.argument("name")
@click.option("--owner", help="The owner of the key's jobs; NAME if left out.")
@click.option("--scope", "scopes", type=click.Choice(["inference", "admin", "metrics"]), multiple=True,
              default=["inference"], show_default=True,
              help="The calls that it allows; may be given twice.")  # fmt: skip
@click.option("--requests", type=click.IntRange(min=1), help="Requests a minute.")
@click.option("--tokens", type=click.IntRange(min=1), help="Tokens a minute.")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs of its owner that have not ended.")
@click.option("--streams", type=click.IntRange(min=1), help="Responses held open for its owner at once.")
@click.option("--stored-bytes", type=click.IntRange(min=1), help="Bytes of its owner's files.")
@click.option("-m", "--model", "models", multiple=True, help="A model it may use; any if left out.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), default="high", show_default=True,
              help="The most urgent priority that it may use.")  # fmt: skip
@click.option("--weight", type=click.FloatRange(0.001, 1000), default=1.0, show_default=True,
              help="Its owner's share of the line.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never if left out.")
@url_option
@key_option
def create(name: str, owner: str | None, scopes: tuple[str, ...], requests: int | None, tokens: int | None,
           jobs: int | None, streams: int | None, stored_bytes: int | None, models: tuple[str, ...], priority: str,
           weight: float, days: int | None, url: str, api_key: str | None) -> None:  # fmt: skip
    """Make a key called NAME and print it, this once. Its id goes to standard error."""
    limits = {
        "requests_per_minute": requests,
        "tokens_per_minute": tokens,
        "jobs_in_flight": jobs,
        "streams": streams,
        "stored_bytes": stored_bytes,
        "models": list(models) or None,
        "priority": priority,
        "weight": weight,
    }
    body = {"name": name, "owner": owner, "scopes": sorted(set(scopes)), "limits": limits}
    with _keys(url, api_key) as keys:
        made = keys.create({**body, "expires_in": days and days * DAY_SECONDS})
    click.echo(f"{made['id']}, of {made['owner']}", err=True)
    click.echo(made["key"])


@command.command("list")
@url_option
@key_option
def list_(url: str, api_key: str | None) -> None:
    """List all keys, the oldest first."""
    click.echo(f"{'ID':<20}  {'CREATED':<10}  {'EXPIRES':<10}  {'USED':<10}  {'SCOPES':<15}  {'OWNER':<12}  NAME")
    with _keys(url, api_key) as keys:
        found = keys.list()
    for key in found:
        days = "  ".join(f"{_day(key[f'{name}_at']):<10}" for name in ("created", "expires", "last_used"))
        click.echo(f"{key['id']:<20}  {days}  {','.join(key['scopes']):<15}  {key['owner']:<12}  {key['name']}")


@command.command("revoke")
@click.argument("key_ids", nargs=-1, required=True, metavar="KEY_ID...")
@url_option
@key_option
def revoke(key_ids: tuple[str, ...], url: str, api_key: str | None) -> None:
    """Revoke keys: the server refuses them from now on. Their jobs continue."""
    with _keys(url, api_key) as keys:
        for key_id in key_ids:
            keys.revoke(key_id)
            click.echo(f"{key_id} revoked")


class _Keys(Protocol):
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
    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            asked = KeyBody.model_validate(body)
        except ValueError as exc:
            raise click.ClickException(str(exc)) from exc
        key, secret = self._store.create(asked.key(), expires_in=asked.expires_in)
        return {**view(key), "key": secret}

    def list(self) -> Any:
        return [view(key) for key in self._store.all()]

    def revoke(self, key_id: str) -> None:
        if not self._store.revoke(key_id):
            raise click.ClickException(f"There is no key '{key_id}'.")


@contextmanager
def _keys(url: str, api_key: str | None) -> Iterator[_Keys]:
    if not api_key:
        try:
            yield _in_redis()
        except CaravanError as exc:
            raise click.ClickException(exc.message) from exc
        return
    with cluster(url, api_key) as api:
        yield _OverHttp(api)


def _in_redis() -> _Keys:
    client = connect(read_settings().redis_url)
    try:
        client.ping()
    except UNAVAILABLE as exc:
        raise click.ClickException(
            f"The Redis of CARAVAN_REDIS_URL does not answer ({exc}). Or give an admin's --api-key, to ask over HTTP."
        ) from exc
    return _InRedis(KeyStore(client))


def _day(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d", time.localtime(at))
