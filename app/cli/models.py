"""``caravan models``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from app.cli.connection import with_api
from app.cli.download_shown import DownloadShown
from app.cli.group import Group
from app.cli.model_file.look import look
from app.cli.model_file.remove import command as remove
from app.cli.model_file.view import as_json as as_object
from app.cli.model_file.view import lines as file_lines
from app.cli.model_view import details, find, overview
from app.cli.models_option import models_option
from app.cli.plan.command import command as plan
from app.cli.speeds.command import command as bench
from app.cli.table import screen_width
from app.cli.the_model import named_model
from caravan_client import Client
from tasks.environment import read_settings, require_readable
from tasks.errors import ModelNotFound
from tasks.models import adapter_faults, expected, gguf, models_schema
from tasks.models.catalogue import FAKE_PATH, CatalogueError, ModelEntry, adapter_paths, gguf_path, load_here
from tasks.models.changes import Changes
from tasks.models.expected import WrongChecksum
from tasks.models.hub import SCHEME, DownloadFailed, download


@click.group("models", cls=Group)
def command() -> None:
    """List, show, reload, load, unload, download and remove models."""


command.add_command(plan)
command.add_command(remove)
command.add_command(bench)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, as GET /models has it.")
@with_api
def list_(as_json: bool, api: Client) -> None:
    """List the models that you may use, with their states."""
    models = _models(api)
    if as_json:
        click.echo(json.dumps(models, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(overview(models, width=screen_width())))


@command.command("show")
@click.argument("name", metavar="MODEL")
@click.option("--file", "of_file", is_flag=True, help="Show what the file of a MODEL of the catalogue says.")
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; of the cluster, as GET /models has it.")
@with_api
def show(name: str, of_file: bool, models: Path | None, as_json: bool, api: Client) -> None:
    """Show one model: its state with the reason, its workers, its context and its queue; or what its file says.

    MODEL is a model of the cluster. For a GGUF file or an hf:// address, and with --file, no cluster is asked: the
    command reads the head of the file. Of a file of the Hub's that is not here, the head alone is fetched.
    """
    if of_file or name.startswith(SCHEME) or name.endswith(".gguf"):
        own, entry = named_model(name, models)
        found = look(entry)
        told = json.dumps(as_object(own, found), indent=2, ensure_ascii=False)
        click.echo(told if as_json else "\n".join(file_lines(own, found, width=screen_width())))
        return
    model = find(name, _models(api))
    if as_json:
        click.echo(json.dumps(model, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(details(model, width=screen_width())))


@command.command("load")
@click.argument("name", metavar="MODEL")
@with_api
def load(name: str, api: Client) -> None:
    """Load MODEL before its first job comes, and keep it for its keep_alive. Idle models make room for it.

    It has no effect where workers always run.
    """
    _told(api.call("POST", f"/models/{quote(name)}/load"), "a worker starts as soon as there is room")


@command.command("unload")
@click.argument("name", metavar="MODEL")
@with_api
def unload(name: str, api: Client) -> None:
    """Stop the workers of MODEL; this needs an admin's key. They drain, and the next job loads it again.

    Jobs that wait load it at once: to keep it unloaded, pause its queue first (`caravan queues pause`).
    """
    _told(api.call("POST", f"/models/{quote(name)}/unload"), "its workers drain and stop")


@command.command("reload")
@with_api
def reload(api: Client) -> None:
    """Have the cluster read models.yaml again; this needs an admin's key.

    A file that makes no sense changes nothing.
    """
    found = api.call("POST", "/models/reload")
    changes = Changes(tuple(found["added"]), tuple(found["removed"]), tuple(found["changed"]))
    click.echo(f"models.yaml was read again: {changes.text}.")


@command.command("pull")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@models_option
def pull(names: tuple[str, ...], models: Path | None) -> None:
    """Download and check the files of each MODEL, or of all models in the catalogue.

    MODEL is a name of the catalogue, or an hf:// address. HF_HOME is the folder for the files, HF_TOKEN the token for
    private ones. Existing files are not downloaded again, and an interrupted download goes on where it was. Every file
    is checked: against the Hub's SHA-256, against the entry's sha256, and for being whole.
    """
    settings = read_settings()
    if models is None:
        require_readable(settings, "models_file")
    try:
        catalogue = load_here(models or settings.models_file)
        for name in names or catalogue:
            entry = named_model(name, models)[1] if name.startswith(SCHEME) else catalogue.find(name)
            click.echo(f"{name}: {_pulled(name, entry)}")
    except (CatalogueError, DownloadFailed, ModelNotFound, WrongChecksum) as exc:
        raise click.ClickException(str(exc)) from exc


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of models.yaml, for editors."""
    click.echo(json.dumps(models_schema.schema(), indent=2))


def _pulled(name: str, entry: ModelEntry) -> Path:
    if entry.path.startswith(SCHEME):
        with DownloadShown(name) as shown:
            download(entry.path, sha256=entry.sha256, progress=shown)
    for adapter in entry.adapters.values():
        if adapter.path.startswith(SCHEME):
            with DownloadShown(name) as shown:
                download(adapter.path, progress=shown)
    path = gguf_path(entry)
    if entry.path != FAKE_PATH and path.exists():
        if trouble := gguf.trouble(path) or _of_adapters(entry):
            raise click.ClickException(f"{name}: {trouble}")
        expected.check(entry)
    return path


def _of_adapters(entry: ModelEntry) -> str:
    """Why the first of the entry's adapters that is here cannot be used; '' if all can."""
    files = [file for file in adapter_paths(entry).values() if file.is_file()]
    return next(filter(None, (adapter_faults.trouble(file, gguf.parts(gguf_path(entry))) for file in files)), "")


def _told(model: dict[str, Any], coming: str) -> None:
    """What a model is now, and what becomes of it."""
    settled = "loaded" if coming.startswith("a worker") else "asleep"
    click.echo(f"{model['id']} {model['state']}" + ("" if model["state"] == settled else f": {coming}"))


def _models(api: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.call("GET", "/models")["data"]
    return found
