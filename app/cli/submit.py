"""``caravan submit``."""

from __future__ import annotations

import sys
from typing import Any

import click

from app.cli.api import Api, with_api


@click.command("submit")
@click.argument("prompt")
@click.option("-m", "--model", help="The model; may be left out where there is only one.")
@click.option("--system", help="A system message to put first.")
@click.option("--stream", is_flag=True, help="Show the text as it is made.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and leave.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Tokens to generate at most.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 is greedy.")
@click.option("--seed", type=int, help="The same seed gives the same draws.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), help="Its place in the line.")
@with_api
def command(
    prompt: str, model: str | None, system: str | None, stream: bool, no_wait: bool, api: Api, **given: Any
) -> None:
    """Submit PROMPT as a chat job and print the answer.

    PROMPT - is read from standard input. The job's id goes to standard error, the answer alone to standard output.
    """
    text = sys.stdin.read() if prompt == "-" else prompt
    messages = [{"role": "system", "content": system}] if system else []
    body = {
        "model": model or api.only_model(),
        "messages": [*messages, {"role": "user", "content": text}],
        **{name: value for name, value in given.items() if value is not None},
    }
    job_id = api.call("POST", "/jobs", json=body)["id"]
    if no_wait:
        click.echo(job_id)
        return
    click.echo(f"job {job_id}", err=True)
    if stream:
        show_stream(api, job_id)
    else:
        job = api.wait(job_id)
        raise_unless_succeeded(job)
        click.echo(job["result"]["choices"][0]["message"]["content"])


def show_stream(api: Api, job_id: str) -> None:
    """Print a job's text as it comes; raises ClickException if the job does not succeed."""
    for event in api.events(job_id):
        if event.event == "token" and event.data["index"] == 0:
            click.echo(event.data["text"], nl=False)
        elif event.event == "done":
            click.echo()
            raise_unless_succeeded(event.data)


def raise_unless_succeeded(job: dict[str, Any]) -> None:
    """Raise ClickException with the reason if a job ended any other way."""
    if job["status"] != "succeeded":
        reason = f": {job['error']['message']}" if job["error"] else "."
        raise click.ClickException(f"The job is {job['status']}{reason}")
