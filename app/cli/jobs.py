"""``caravan jobs``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from app.cli.connection import with_api, with_patient_api
from app.cli.group import Group
from app.cli.lists import json_option, limit_option, show_list
from app.cli.moments import Moment
from app.cli.submit import show_stream
from app.cli.table import Column, fitted, screen_width, wrapped
from caravan_client import Client

STATUSES = ["queued", "running", "succeeded", "failed", "cancelled", "expired"]

COLUMNS = (
    Column("ID", 7),
    Column("STATUS", 6),
    Column("ERROR", 5, cut=True),
    Column("MODEL", 4, cut=True),
    Column("TOKENS", 2, right=True),
    Column("PRIORITY", 1),
    Column("CREATED", 3),
)


@click.group("jobs", cls=Group)
def command() -> None:
    """List, show, watch, reprioritise, cancel and retry jobs."""


@command.command("list")
@click.option("-m", "--model", help="Only jobs of this model.")
@click.option("--status", type=click.Choice(STATUSES), metavar="STATUS",
              help=f"Only jobs with this status: {', '.join(STATUSES[:-1])} or {STATUSES[-1]}.")  # fmt: skip
@click.option("--owner", help="For admins: the jobs of this owner, or of all (*).")
@click.option("--metadata", "pairs", multiple=True, metavar="NAME=VALUE",
              help="Only jobs with this metadata; may be given several times.")  # fmt: skip
@click.option(
    "--created-after", type=Moment(), help="Only jobs accepted at this time or later: a date, or an age such as 2h."
)
@click.option("--created-before", type=Moment(), help="Only jobs accepted before this time.")
@limit_option("jobs")
@json_option
@with_api
def list_(model: str | None, status: str | None, owner: str | None, pairs: tuple[str, ...], created_after: int | None,
          created_before: int | None, limit: int, as_json: bool, api: Client) -> None:  # fmt: skip
    """List the latest jobs, newest first."""
    asked = {"model": model, "status": status, "owner": owner, "created_after": created_after,
             "created_before": created_before, **_metadata(pairs)}  # fmt: skip
    show_list(_pages(api, limit, asked), COLUMNS, _row, nothing="No jobs.", as_json=as_json)


def _metadata(pairs: Iterable[str]) -> dict[str, str]:
    """The query's names of metadata; raises UsageError."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--metadata takes NAME=VALUE, not '{pair}'.")
        found[f"metadata[{name}]"] = value
    return found


def _pages(api: Client, limit: int, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """So many jobs, from as many pages as it takes: the server looks at a number of jobs for each."""
    found: list[dict[str, Any]] = []
    after = None
    while len(found) < limit:
        given = {**asked, "limit": limit - len(found), "after": after}
        page = api.call("GET", "/jobs", params={name: str(value) for name, value in given.items() if value is not None})
        found += page["data"]
        after = page["last_id"]
        if not page["has_more"]:
            break
    return found


def _row(job: Mapping[str, Any]) -> list[object]:
    tokens = job["usage"]["completion_tokens"] if job["usage"] else "-"
    error = job["error"]["code"] if job["error"] else "-"
    return [job["id"], job["status"], error, job["model"], tokens, job["priority"], _local(job["created_at"])]


@command.command("dlq")
@click.option("-m", "--model", help="Only jobs of this model.")
@limit_option("jobs")
@json_option
@with_api
def dlq(model: str | None, limit: int, as_json: bool, api: Client) -> None:
    """List dead letters (jobs that killed workers), newest first."""
    found = _page(api, limit=limit, model=model, dead_letter="true")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    width = screen_width()
    lines = [line for job in found for line in _dead_letter(job, width)]
    click.echo("\n".join(lines or ["No dead letters."]))


@command.command("show")
@click.argument("job_id")
@with_api
def show(job_id: str, api: Client) -> None:
    """Show a job as JSON."""
    click.echo(json.dumps(api.job(job_id).raw, indent=2, ensure_ascii=False))


@command.command("watch")
@click.argument("job_id")
@with_patient_api
def watch(job_id: str, api: Client) -> None:
    """Print a job's text from its beginning, and follow it to the end."""
    show_stream(api, job_id)


@command.command("priority")
@click.argument("job_id")
@click.argument("priority", type=click.Choice(["high", "normal", "low"]))
@with_api
def priority(job_id: str, priority: str, api: Client) -> None:
    """Change a queued job's PRIORITY."""
    job = api.call("PATCH", f"/jobs/{job_id}", body={"priority": priority})
    click.echo(f"{job['id']} {job['priority']}, number {job['queue_position']} in the line")


@command.command("cancel")
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
@with_api
def cancel(job_ids: tuple[str, ...], api: Client) -> None:
    """Cancel jobs that have not ended."""
    for job_id in job_ids:
        click.echo(f"{api.cancel(job_id).id} cancelled")


@command.command("retry")
@click.argument("job_ids", nargs=-1, metavar="JOB_ID...")
@click.option("--dlq", "dead_letters", is_flag=True, help="All dead letters.")
@click.option("-m", "--model", help="With --dlq: only those of this model.")
@with_api
def retry(job_ids: tuple[str, ...], dead_letters: bool, model: str | None, api: Client) -> None:
    """Run failed, expired or cancelled jobs again, from their beginning."""
    if bool(job_ids) == dead_letters:
        raise click.UsageError(
            "Name jobs, or give --dlq." if not dead_letters else "Name jobs or give --dlq, not both."
        )
    if model and not dead_letters:
        raise click.UsageError("--model is for --dlq: a job that is named has its model.")
    if dead_letters and not _retry_dead_letters(api, model):
        click.echo("No dead letters.")
    _retry(api, job_ids)


def _dead_letter(job: Mapping[str, Any], width: int | None) -> Iterator[str]:
    """The lines that tell of a job that workers died of."""
    model = fitted(job["model"], width, beside=2)
    yield from wrapped(f"{job['id']}  {_local(job['finished_at'])}  {model}", width, indent="  ")
    yield from wrapped(job["error"]["message"], width, indent="  ")
    for death in job["deaths"]:
        alone = ", which ran nothing else" if death["alone"] else ""
        told = f"{_local(death['at'])}  {death['worker']}{alone}: {death['found']}"
        yield from wrapped(told, width, first="  ", indent="    ")


def _retry_dead_letters(api: Client, model: str | None) -> int:
    """How many there were."""
    num_jobs = 0
    while page := _page(api, limit=100, model=model, dead_letter="true"):
        _retry(api, [job["id"] for job in page])
        num_jobs += len(page)
    return num_jobs


def _retry(api: Client, job_ids: Iterable[str]) -> None:
    for job_id in job_ids:
        click.echo(f"{api.retry(job_id).id} queued")


def _page(api: Client, **params: Any) -> list[dict[str, Any]]:
    given = {name: str(value) for name, value in params.items() if value is not None}
    page: list[dict[str, Any]] = api.call("GET", "/jobs", params=given)["data"]
    return page


def _local(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
