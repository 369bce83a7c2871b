"""``caravan submit``."""

from __future__ import annotations

import sys
from typing import Any

import click

from app.cli.connection import with_patient_api
from app.client import Client, Job


@click.command("submit")
@click.argument("prompt")
@click.option("-m", "--model", help="The model; may be left out if there is only one.")
@click.option("--system", help="A system message to put first.")
@click.option("--stream", is_flag=True, help="Print the text as it is generated.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and exit.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most tokens to generate.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 is greedy.")
@click.option("--seed", type=int, help="The same seed gives the same draws.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), help="The line in which the job waits.")
@with_patient_api
def command(prompt: str, system: str | None, stream: bool, no_wait: bool, api: Client, **given: Any) -> None:
    """Submit PROMPT as a chat job and print the answer.

    If PROMPT is -, it is read from standard input. The job's id goes to standard error, the answer to standard output.
    """
    text = sys.stdin.read() if prompt == "-" else prompt
    messages = [{"role": "system", "content": system}] if system else []
    options: Any = {name: value for name, value in given.items() if value is not None}
    job = api.submit([*messages, {"role": "user", "content": text}], **options)
    if no_wait:
        click.echo(job.id)
        return
    click.echo(f"job {job.id}", err=True)
    if stream:
        show_stream(api, job.id)
    else:
        job = api.wait(job)
        raise_unless_succeeded(job)
        click.echo(job.text)


def show_stream(api: Client, job_id: str) -> None:
    """Print a job's text as it comes; raises ClickException if the job does not succeed."""
    for event in api.stream(job_id):
        click.echo(event.text, nl=False)
        if event.kind == "done":
            click.echo()
            raise_unless_succeeded(event.job)


def raise_unless_succeeded(job: Job) -> None:
    """Raise ClickException with the reason if a job ended any other way."""
    if error := job.error:
        reason = f": {error.message}" if job.raw["error"] else "."
        raise click.ClickException(f"The job is {job.status}{reason}")
