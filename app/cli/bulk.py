"""``caravan bulk``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from app.bulk.asking import Question, Template
from app.bulk.assemble import failures_path
from app.bulk.choice import Choice
from app.bulk.dataset import STANDARD_INPUT
from app.bulk.delimiters import NAMES
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.handed_in import NAME
from app.bulk.job import BulkJob, stdin_kinds
from app.bulk.report import Bar, Lines, Report
from app.bulk.run import Limits
from app.bulk.server_run import HandedIn
from app.cli import INTERRUPTED, bulk_preview
from app.cli.bulk_waits import teller
from app.cli.connection import cluster, in_words, key_option, url_option
from app.cli.group import Group
from app.cli.words import counted
from caravan_client import AsyncClient
from caravan_client.exchange import Patience
from tasks.errors import CaravanError

T = TypeVar("T")

_OURS = frozenset({"model", "messages", "priority", "response_format", "json_schema", "stream", "n", "prompt", "input"})
"""Fields that a run sets itself, or that would leave it without one answer a row."""
_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "seed")


def _delimiter(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    """The character that an option names. Raises UsageError for one that separates nothing."""
    named = {name: character for character, name in NAMES.items()} | {"\\t": "\t"}
    character = None if given is None else named.get(given, given)
    if character is not None and (len(character) != 1 or character in '"\r\n\0'):
        raise click.UsageError("--delimiter: give one character, or comma, semicolon or tab.")
    return character


@click.group("bulk", cls=Group)
def command() -> None:
    """Ask a model about every row of a dataset."""


@command.command("run")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-m", "--model", required=True, help="The model to ask.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The file for the rows and their answers: .jsonl, .csv or .parquet.")  # fmt: skip
@click.option("--prompt", help='The prompt for a row, a template with its columns: "Classify: {{ text }}".')
@click.option("--prompt-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with the prompt, instead of --prompt.")  # fmt: skip
@click.option("--system", help="A system message to put first; a template as well.")
@click.option("--raw", is_flag=True, help="Have the model continue the prompt as it stands, without a chat template.")
@click.option("--messages-column", help="A column with the messages of a chat, instead of --prompt.")
@click.option("--schema", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with a JSON schema for the answers; each property becomes a column.")  # fmt: skip
@click.option("--column", default="answer", show_default=True, help="The column for the answers.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most tokens in an answer.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True, help="0 is greedy.")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), help="As in docs/jobs.md.")
@click.option("--top-k", type=click.IntRange(min=0), help="As in docs/jobs.md.")
@click.option("--min-p", type=click.FloatRange(0, 1), help="As in docs/jobs.md.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same draws.")
@click.option("--stop", multiple=True, help="A text that ends an answer; may be given several times.")
@click.option("--set", "fields", multiple=True, metavar="NAME=VALUE",
              help="Any other field of a job's body, with its value as JSON: --set ignore_eos=true.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Ask about the first rows only, this many.")
@click.option("--sample", type=click.IntRange(min=1), help="Ask about this many random rows, the same ones each time.")
@click.option("--preview", type=click.IntRange(1, 100),
              help="Ask about the first rows only, this many, show prompts and answers, and stop.")  # fmt: skip
@click.option("--window", type=click.IntRange(1, 1000), default=512, show_default=True,
              help="The most rows under way at once; below that, the command follows the model's slots.")  # fmt: skip
@click.option("--max-failures", type=click.IntRange(min=0), help="Stop when more rows than this have failed.")
@click.option("--no-dedup", is_flag=True, help="Ask about identical rows separately.")
@click.option("--format", "stdin_kind", type=click.Choice(stdin_kinds()), default="jsonl", show_default=True,
              help="The format of standard input, if INPUT is -.")  # fmt: skip
@click.option("--delimiter", metavar="CHARACTER", callback=_delimiter,
              help="What separates the fields of CSV: one character, or comma, semicolon, tab. By default, the command "
              "finds out which of these three does.")  # fmt: skip
@click.option("--no-wait", is_flag=True,
              help="Hand the rows in as a batch, print its id and exit; the same command without this fetches the "
              "answers.")  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin anew: discard the progress, and replace OUTPUT.")
@click.option("--retry-failed", is_flag=True, help="Ask the failed rows of a run again, into the same OUTPUT.")
@click.option("--keep-answers", is_flag=True,
              help="After a change: keep the answers of rows that ask the same, and ask the others anew.")  # fmt: skip
@url_option
@key_option
def run(output: Path, url: str, api_key: str | None, preview: int | None, **given: Any) -> None:
    """Ask a model about every row of INPUT, and write the rows with their answers to OUTPUT.

    INPUT is a file that ends in .jsonl, .csv or .parquet, a folder of such files, or - for standard input. The same
    command resumes a stopped run; OUTPUT.progress holds the state. Failed rows go to a file of their own beside
    OUTPUT; --retry-failed asks them again.
    """
    if preview is not None:
        _preview(preview, _or_exit(lambda: _job(output, given)), url, api_key)
        return
    report: Report = Bar() if sys.stderr.isatty() else Lines()
    patience = Patience(None, on_wait=teller(report, url, api_key))
    try:
        job = _job(output, given)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
        done = job(lambda: AsyncClient(url, api_key, patience=patience), report)
    except (BulkError, CaravanError) as exc:
        why = in_words(exc, url, api_key) if isinstance(exc, CaravanError) else exc
        resumes = isinstance(exc, BulkError) and exc.resumes
        raise click.ClickException(f"{why} {_again(output) if resumes else ''}".strip()) from exc
    except KeyboardInterrupt:
        click.echo(f"Stopped. {_again(output)}".strip(), err=True)
        sys.exit(INTERRUPTED)
    if isinstance(done, HandedIn):
        click.echo(done.batch_id)
        without = "--no-wait and --restart" if given["restart"] else "--no-wait"
        click.echo(f"{done.state} The same command without {without} fetches the answers.", err=True)
        return
    tally = done
    tokens = f"{counted(tally.prompt_tokens, 'token')} read, {tally.completion_tokens} written"
    click.echo(f"{counted(tally.num_rows - tally.num_failed, 'row')}, {tokens}: {output}", err=True)
    if tally.num_failed:
        click.echo(f"{counted(tally.num_failed, 'row')} failed: {failures_path(output)}", err=True)
        click.echo(f"The first of them, {tally.first_failure}", err=True)
        click.echo("With --retry-failed the same command asks again what failed.", err=True)


def _preview(count: int, job: BulkJob, url: str, api_key: str | None) -> None:
    asked = _or_exit(lambda: job.preview(count, Lines()))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    with cluster(url, api_key, Patience(None, on_wait=teller(Lines(), url, api_key))) as api:
        bulk_preview.show(api, asked.rows, asked.columns, total=asked.total)


def _or_exit(act: Callable[[], T]) -> T:
    try:
        return act()
    except BulkError as exc:
        raise click.ClickException(str(exc)) from exc


def _job(output: Path, given: Mapping[str, Any]) -> BulkJob:
    """What the command's options ask for, by the names of its parameters; raises UsageError or BulkError."""
    if given["no_wait"] and (given["max_failures"] is not None or given["no_dedup"]):
        raise click.UsageError("--no-wait takes neither --max-failures nor --no-dedup: a batch has no such rules.")
    if given["source"] != STANDARD_INPUT and _is_given("stdin_kind"):
        raise click.UsageError("--format is for standard input: give - for INPUT, or leave --format out.")
    if not given["column"]:
        raise click.UsageError("--column is empty: name the column for the answers.")
    given = _with_prompt(given)
    question = _question(given)
    if given["restart"] and (given["retry_failed"] or given["keep_answers"]):
        raise click.UsageError("--restart discards all answers: leave out --retry-failed and --keep-answers.")
    named = ("model", "prompt", "system", "messages_column", "column", "limit", "sample")
    asked = {name: given[name] for name in named} | {"schema": question.schema} | dict(question.options)
    asked |= {name: given[name] for name in ("delimiter", "raw") if given[name]}
    return BulkJob(
        source=given["source"],
        stdin=sys.stdin.buffer,
        stdin_kind=given["stdin_kind"],
        delimiter=given["delimiter"],
        output=output,
        question=question,
        column=given["column"],
        choice=Choice(given["sample"], given["limit"]),
        limits=Limits(given["window"], given["max_failures"], not given["no_dedup"]),
        restart=given["restart"],
        retry=given["retry_failed"],
        keep=given["keep_answers"],
        waits=not given["no_wait"],
        asked={f"--{name.replace('_', '-')}": value for name, value in asked.items()},
    )


def _with_prompt(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the prompt that --prompt-file holds as --prompt. Raises UsageError or BulkError."""
    if [given[name] for name in ("prompt", "prompt_file", "messages_column")].count(None) != 2:
        raise click.UsageError("Give one of --prompt, --prompt-file and --messages-column.")
    if given["raw"] and (given["messages_column"] or given["system"]):
        raise click.UsageError("--raw takes a prompt only: without a chat template there are no messages.")
    prompt = given["prompt"] if given["prompt_file"] is None else _text(given["prompt_file"])
    if prompt is not None and not prompt.strip():
        raise click.UsageError(f"The prompt of {given['prompt_file'] or '--prompt'} is empty: say what to ask.")
    return {**given, "prompt": prompt}


def _is_given(parameter: str) -> bool:
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE


def _text(path: Path) -> str:
    """The text of a file, without the line end that editors put at its end. Raises BulkError."""
    try:
        with as_bulk_error(path, "read"):
            return path.read_text("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError as exc:
        raise BulkError(f"{path} is not UTF-8.") from exc


def _question(given: Mapping[str, Any]) -> Question:
    prompt, system, schema = given["prompt"], given["system"], given["schema"]
    options = {name: given[name] for name in _SAMPLING if given[name] is not None}
    return Question(
        model=given["model"],
        prompt=None if prompt is None else Template(prompt, str(given["prompt_file"] or "--prompt")),
        system=None if system is None else Template(system, "--system"),
        messages_column=given["messages_column"],
        raw=given["raw"],
        schema=None if schema is None else _schema(schema),
        options=options | ({"stop": list(given["stop"])} if given["stop"] else {}) | dict(map(_field, given["fields"])),
    )


def _field(given: str) -> tuple[str, Any]:
    """A field of the body, as ``NAME=VALUE`` says it; a value that is no JSON is a text."""
    name, equals, value = given.partition("=")
    if not equals or not name or name in _OURS:
        raise click.UsageError(f"--set {given}: give NAME=VALUE, where NAME is none of {', '.join(sorted(_OURS))}.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _again(output: Path) -> str:
    """How to go on."""
    folder = output.with_name(output.name + ".progress")
    if not (folder / "run.json").exists():
        return ""
    on = "The server carries the run on. " if (folder / NAME).exists() else ""
    return f"{on}Run the same command to resume."


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text())
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno}, column {exc.colno}"
        raise BulkError(f"{path} is not a JSON schema: it is not JSON from {where} on.") from exc
    except (OSError, ValueError) as exc:
        raise BulkError(f"{path} is not a JSON schema: {exc}.") from exc
    if not isinstance(schema, dict):
        raise BulkError(f"{path} is not a JSON schema: it must be an object.")
    return schema
