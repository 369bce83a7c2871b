"""``caravan batches``: batches that the server runs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from app.cli import INTERRUPTED, batch_files
from app.cli.batch_view import ENDED, details, faults, progress, row, state
from app.cli.connection import with_api, with_patient_api
from app.cli.group import Group
from app.cli.lists import json_option, limit_option, show_list
from app.cli.table import Column, screen_width
from app.cli.words import counted
from caravan_client import Client

POLL_SECONDS = 1.0

COLUMNS = (
    Column("ID", 9),
    Column("STATUS", 8),
    Column("ANSWERED", 7, right=True),
    Column("FAILED", 5, right=True),
    Column("TOTAL", 6, right=True),
    Column("CREATED", 3),
)


@click.group("batches", cls=Group)
def command() -> None:
    """Create, list, show, fetch, cancel, pause, resume and retry the server's batches."""


@command.command("create")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--window", default="24h", show_default=True, help="The time it has, from 1m to 30d.")
@click.option("--wait", is_flag=True, help="Show its progress until it has ended.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              help="Wait for its end and write its output here; lines that failed go to a file beside it.")  # fmt: skip
@with_patient_api
def create(file: Path, window: str, wait: bool, output: Path | None, api: Client) -> None:
    """Upload FILE, a line of JSON for each request, and make a batch of it. Prints the batch's id.

    The lines say which endpoint answers them. Ctrl-C ends the command; a batch that was created continues.
    """
    endpoint = batch_files.endpoint_of(file)
    batch = batch_files.create(api, file, endpoint=endpoint, window=window)
    click.echo(batch["id"])
    if not wait and output is None:
        click.echo(f"`caravan batches watch {batch['id']}` shows it.", err=True)
        return
    try:
        _watch(api, batch["id"], err=True)
    except KeyboardInterrupt:
        click.echo(f"The batch continues. `caravan batches watch {batch['id']}` shows it.", err=True)
        sys.exit(INTERRUPTED)
    if output is not None:
        batch_files.fetch(api, _get(api, batch["id"]), output)


@command.command("fetch")
@click.argument("batch_id")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The file for its output; lines that failed go to a file beside it.")  # fmt: skip
@with_patient_api
def fetch(batch_id: str, output: Path, api: Client) -> None:
    """Write what a batch has answered so far to a file, and the lines that failed to OUTPUT's .errors file."""
    batch = _get(api, batch_id)
    batch_files.fetch(api, batch, output)
    if batch["status"] not in ENDED:
        click.echo(f"The batch is {batch['status']}: these are the lines so far.", err=True)


@command.command("list")
@limit_option("batches")
@json_option
@with_api
def list_(limit: int, as_json: bool, api: Client) -> None:
    """List the latest batches, newest first."""
    _list(api, limit, as_json=as_json)


@command.command("status")
@click.argument("batch_id", required=False)
@limit_option("batches")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON of /v1/batches: an object, or an array.")
@with_api
def status(batch_id: str | None, limit: int, as_json: bool, api: Client) -> None:
    """Show BATCH_ID: its progress, its files and its errors. Without it, list the latest batches."""
    if batch_id is None:
        _list(api, limit, as_json=as_json)
        return
    batch = _get(api, batch_id)
    if as_json:
        click.echo(json.dumps(batch, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(details(batch, width=screen_width())))


@command.command("watch")
@click.argument("batch_id")
@with_patient_api
def watch(batch_id: str, api: Client) -> None:
    """Show the progress of a batch until it has ended."""
    _watch(api, batch_id)


@command.command("cancel")
@click.argument("batch_ids", nargs=-1, required=True, metavar="BATCH_ID...")
@with_api
def cancel(batch_ids: tuple[str, ...], api: Client) -> None:
    """Cancel batches. Finished lines keep their answers in the output file."""
    _ask(api, batch_ids, "cancel")


@command.command("pause")
@click.argument("batch_ids", nargs=-1, required=True, metavar="BATCH_ID...")
@with_api
def pause(batch_ids: tuple[str, ...], api: Client) -> None:
    """Pause batches: their lines wait until they are resumed."""
    _ask(api, batch_ids, "pause")


@command.command("resume")
@click.argument("batch_ids", nargs=-1, required=True, metavar="BATCH_ID...")
@with_api
def resume(batch_ids: tuple[str, ...], api: Client) -> None:
    """Resume paused batches."""
    _ask(api, batch_ids, "resume")


@command.command("retry")
@click.argument("batch_ids", nargs=-1, required=True, metavar="BATCH_ID...")
@with_api
def retry(batch_ids: tuple[str, ...], api: Client) -> None:
    """Run the unanswered lines of ended batches again."""
    _ask(api, batch_ids, "retry")


def _watch(api: Client, batch_id: str, *, err: bool = False) -> None:
    shown = ""
    while True:
        batch = _get(api, batch_id)
        line = progress(batch)
        if line != shown:
            click.echo(line, err=err)
            shown = line
        if batch["status"] in ENDED:
            _tell_end(batch, err=err)
            return
        time.sleep(POLL_SECONDS)


def _list(api: Client, limit: int, *, as_json: bool) -> None:
    found = api.call("GET", "/v1/batches", params={"limit": str(limit)})["data"]
    show_list(found, COLUMNS, row, nothing="No batches.", as_json=as_json)


def _ask(api: Client, batch_ids: tuple[str, ...], act: str) -> None:
    for batch_id in batch_ids:
        batch = api.call("POST", f"/v1/batches/{batch_id}/{act}")
        click.echo(f"{batch['id']} {state(batch)}")


def _get(api: Client, batch_id: str) -> dict[str, Any]:
    batch: dict[str, Any] = api.call("GET", f"/v1/batches/{batch_id}")
    return batch


def _tell_end(batch: dict[str, Any], *, err: bool) -> None:
    """Where its output is, or what was at fault."""
    for fault in faults(batch):
        click.echo(f"  {fault}", err=True)
    if batch["status"] == "failed":
        number = len(batch["errors"]["data"]) if batch["errors"] else 0
        told = f"The batch has failed: {counted(number, 'error')}. No line ran."
        raise click.ClickException(f"{told} Correct the file and create the batch again.")
    if batch["output_file_id"] or batch["error_file_id"]:
        click.echo(f"`caravan batches fetch {batch['id']} -o FILE` writes its output.", err=err)
