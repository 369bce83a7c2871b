"""``caravan submit``."""

from __future__ import annotations

import sys
from typing import Any

import click

from app.cli import INTERRUPTED
from app.cli.connection import waits_of, with_patient_api
from app.cli.patience import waiting_for
from app.cli.words import counted
from caravan_client import Client, Job
from caravan_client.errors import ChatTemplateMissing
from tasks.errors import InvalidRequest

UNKNOWN = "Stopped before the job was known to be accepted. `caravan jobs list` shows whether it was."
"""What is said to one who interrupts the wait for a place in a queue, or for a cluster that is away."""


@click.command("submit")
@click.argument("prompt")
@click.option("-m", "--model", help="The model; may be left out if there is only one.")
@click.option("--system", help="A system message to put first.")
@click.option("--raw", is_flag=True, help="Have the model continue PROMPT as it stands, without a chat template.")
@click.option("--stream", is_flag=True, help="Print the text as it is generated.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and exit.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most tokens to generate.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="0 is greedy.")
@click.option("--seed", type=int, help="The same seed gives the same draws.")
@click.option("--cancel-on-interrupt", "cancels", is_flag=True, help="Ctrl-C cancels the job as well.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), help="The line in which the job waits.")
@with_patient_api
def command(
    prompt: str, system: str | None, raw: bool, stream: bool, no_wait: bool, cancels: bool, api: Client, **given: Any
) -> None:
    """Submit PROMPT as a chat job and print the answer.

    If PROMPT is -, it is read from standard input. With --raw it is a completion: the model continues the text. The
    answer goes to standard output. The job's id, and what it waits for, go to standard error. Ctrl-C ends the command;
    the job continues unless Ctrl-C comes twice.
    """
    if raw and system:
        raise click.UsageError("--raw takes no --system: without a chat template there are no messages.")
    if stream and no_wait:
        raise click.UsageError("--stream waits for the text, and --no-wait does not wait: leave one of them out.")
    text = sys.stdin.read() if prompt == "-" else prompt
    messages = [{"role": "system", "content": system}] if system else []
    asked: Any = {"prompt": text} if raw else [*messages, {"role": "user", "content": text}]
    options: Any = {name: value for name, value in given.items() if value is not None}
    try:
        job = api.submit(asked, **options)
    except KeyboardInterrupt:
        click.echo(f"\n{UNKNOWN}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except InvalidRequest as exc:
        raise (_which_model(exc) if exc.param == "model" and not given["model"] else exc) from exc
    if no_wait:
        click.echo(job.id)
        return
    click.echo(f"job {job.id}", err=True)
    if stream:
        job = show_stream(api, job.id, cancels=cancels)
    else:
        with waiting_for(api, job.id, cancels=cancels):
            job = api.wait(job)
        raise_unless_succeeded(job)
        click.echo(job.text)
    if job.finish_reason == "length":
        click.echo(_cut(given["max_tokens"]), err=True)


def _which_model(error: InvalidRequest) -> click.UsageError:
    """The client's error about a model that is not named, in the words of the command."""
    return click.UsageError(error.message.replace("name one:", "name one by -m:"))


def _cut(max_tokens: int | None) -> str:
    if max_tokens is None:
        return "The answer was cut: prompt and answer fill the model's context."
    return f"The answer was cut at {counted(max_tokens, 'token')} (--max-tokens), or where the model's context ends."


def show_stream(api: Client, job_id: str, *, cancels: bool = False) -> Job:
    """Print a job's text as it comes; the job. Raises ClickException if it does not succeed."""
    waits, has_text = waits_of(api), False
    with waiting_for(api, job_id, cancels=cancels) as begun:
        for event in api.stream(job_id):
            if event.kind != "status":
                begun.set()
            waits.show(event.text)
            has_text = has_text or bool(event.text)
            if event.kind == "done":
                if has_text or event.job.error is None:
                    click.echo()
                raise_unless_succeeded(event.job)
                return event.job
    return api.job(job_id)


def raise_unless_succeeded(job: Job) -> None:
    """Raise ClickException with the reason if a job ended any other way."""
    if error := job.error:
        reason = f": {error.message}" if job.raw["error"] else "."
        if error.code == ChatTemplateMissing.code:
            reason += " The option for this is --raw."
        raise click.ClickException(f"The job is {job.status}{reason}")
