"""``caravan jobs``."""

from __future__ import annotations

import json
import time

import click

from app.cli.api import Api, url_option
from app.cli.submit import show_stream

STATUSES = ["queued", "running", "succeeded", "failed", "cancelled", "expired"]


@click.group("jobs")
def command() -> None:
    """List, show, watch and cancel jobs."""


@command.command("list")
@click.option("-m", "--model", help="Only this model's.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@url_option
def list_(model: str | None, status: str | None, limit: int, url: str) -> None:
    """The latest jobs, newest first."""
    params = {"limit": limit, "model": model, "status": status}
    jobs = Api(url).call("GET", "/jobs", params={name: value for name, value in params.items() if value is not None})
    click.echo(f"{'ID':<36}  {'STATUS':<9}  {'PRIORITY':<8}  {'TOKENS':>6}  {'CREATED':<19}  MODEL")
    for job in jobs["data"]:
        tokens = job["usage"]["completion_tokens"] if job["usage"] else "-"
        created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job["created_at"]))
        click.echo(f"{job['id']}  {job['status']:<9}  {job['priority']:<8}  {tokens:>6}  {created}  {job['model']}")


@command.command("show")
@click.argument("job_id")
@url_option
def show(job_id: str, url: str) -> None:
    """One job, as JSON."""
    click.echo(json.dumps(Api(url).call("GET", f"/jobs/{job_id}"), indent=2, ensure_ascii=False))


@command.command("watch")
@click.argument("job_id")
@url_option
def watch(job_id: str, url: str) -> None:
    """Show a job's text from its beginning, and go on as it is made."""
    show_stream(Api(url), job_id)


@command.command("cancel")
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
@url_option
def cancel(job_ids: tuple[str, ...], url: str) -> None:
    """Cancel jobs that have not ended."""
    api = Api(url)
    for job_id in job_ids:
        click.echo(f"{api.call('POST', f'/jobs/{job_id}/cancel')['id']} cancelled")
