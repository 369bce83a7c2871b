"""``caravan keys``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from app.cli.connection import key_option, url_option
from app.cli.group import Group
from app.cli.keys_there import keys_there
from app.cli.lists import json_option, show_list
from app.cli.table import Column

DAY_SECONDS = 86_400
LIMITS = {
    "requests_per_minute": Column("REQ/MIN", 9, right=True),
    "tokens_per_minute": Column("TOK/MIN", 9, right=True),
    "jobs_in_flight": Column("JOBS", 8, right=True),
    "streams": Column("STREAMS", 5, right=True),
    "stored_bytes": Column("BYTES", 5, right=True),
    "result_bytes": Column("RESULTS", 5, right=True),
}
"""A column for each limit that some key has."""
NAMES = (Column("ID", 11), Column("NAME", 10, cut=True), Column("OWNER", 5))
OTHERS = (
    Column("MODELS", 8, cut=True),
    Column("PRIORITY", 7),
    Column("WEIGHT", 6, right=True),
    Column("SCOPES", 4, cut=True),
    Column("EXPIRES", 3),
    Column("USED", 2),
    Column("CREATED", 1),
)


@click.group("keys", cls=Group)
def command() -> None:
    """Make, list and revoke API keys.

    With CARAVAN_REDIS_URL, and without an API key, the command uses that Redis. Otherwise it asks the cluster at --url,
    or by default the cluster that `caravan up` runs from this folder, with the admin's key of that cluster.
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
@click.option("--result-bytes", type=click.IntRange(min=1), help="Bytes of Redis that its owner's jobs take.")
@click.option("-m", "--model", "models", multiple=True, help="A model that the key may use; any if left out.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), default="high", show_default=True,
              help="The most urgent priority that it may use.")  # fmt: skip
@click.option("--weight", type=click.FloatRange(0.001, 1000), default=1.0, show_default=True,
              help="Its owner's share of the line.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never if left out.")
@url_option
@key_option
def create(name: str, owner: str | None, scopes: tuple[str, ...], requests: int | None, tokens: int | None,
           jobs: int | None, streams: int | None, stored_bytes: int | None, result_bytes: int | None,
           models: tuple[str, ...], priority: str, weight: float, days: int | None, url: str,
           api_key: str | None) -> None:  # fmt: skip
    """Make a key called NAME and print it: it is never shown again. Its id goes to standard error."""
    limits = {
        "requests_per_minute": requests,
        "tokens_per_minute": tokens,
        "jobs_in_flight": jobs,
        "streams": streams,
        "stored_bytes": stored_bytes,
        "result_bytes": result_bytes,
        "models": list(models) or None,
        "priority": priority,
        "weight": weight,
    }
    body = {"name": name, "owner": owner, "scopes": sorted(set(scopes)), "limits": limits}
    with keys_there(url, api_key) as keys:
        same = [key["id"] for key in keys.list() if key["name"] == name]
        made = keys.create({**body, "expires_in": days and days * DAY_SECONDS})
    click.echo(f"{made['id']}, of {made['owner']}", err=True)
    if same:
        click.echo(f"Other keys have this name: {', '.join(same)}. Tell them apart by their ids.", err=True)
    click.echo(made["key"])


@command.command("list")
@url_option
@key_option
@json_option
def list_(url: str, api_key: str | None, as_json: bool) -> None:
    """List all keys, the oldest first."""
    with keys_there(url, api_key) as keys:
        found = keys.list()
    limits = [field for field in LIMITS if any(key["limits"][field] is not None for key in found)]
    columns = (*NAMES, *(LIMITS[field] for field in limits), *OTHERS)
    show_list(found, columns, lambda key: _row(key, limits), nothing="No keys.", as_json=as_json)


@command.command("revoke")
@click.argument("named", nargs=-1, required=True, metavar="KEY...")
@url_option
@key_option
def revoke(named: tuple[str, ...], url: str, api_key: str | None) -> None:
    """Revoke keys: the server refuses them from now on. Their jobs continue.

    A KEY is the id of a key, or a name that only one key has.
    """
    with keys_there(url, api_key) as keys:
        for key_id in _ids(named, keys.list()):
            keys.revoke(key_id)
            click.echo(f"{key_id} revoked")


def _ids(named: Iterable[str], known: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of keys that are named by id or by name; raises ClickException for a name of several, before any goes."""
    found = []
    for name in named:
        ids = [key["id"] for key in known if key["name"] == name and name not in {each["id"] for each in known}]
        if len(ids) > 1:
            raise click.ClickException(f"{len(ids)} keys are called '{name}': {', '.join(ids)}. Name one by its id.")
        found.append(ids[0] if ids else name)
    return found


def _row(key: Mapping[str, Any], fields: Iterable[str]) -> list[object]:
    limits = key["limits"]
    return [
        *(key["id"], key["name"], key["owner"]),
        *("-" if limits[field] is None else limits[field] for field in fields),
        *(",".join(limits["models"] or ["any"]), limits["priority"], f"{limits['weight']:g}", ",".join(key["scopes"])),
        *(_day(key[f"{name}_at"]) for name in ("expires", "last_used", "created")),
    ]


def _day(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d", time.localtime(at))
