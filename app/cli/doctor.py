"""``caravan doctor``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from app.cli.table import screen_width, wrapped
from app.cli.up.trial_redis import trial_redis
from app.cli.words import counted
from app.doctor import surroundings
from app.doctor.checks import Patient
from app.doctor.examination import examine
from app.doctor.finding import Finding, State
from tasks.ledger.connection import takes_options
from tasks.urls import is_redis_url, redis_form, without_password

STATE_WIDTH, CHECK_WIDTH = 9, 20
NARROW_WIDTH = 70
"""Columns of the screen below which what was found stands below the name of the part."""
COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAULT: "red"}
CLEAR_LINE = "\r\x1b[K"


def _of_redis(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    if url and not (is_redis_url(url) and takes_options(url)):
        raise click.BadParameter(f"'{without_password(url)}' is not {redis_form(url)}.")
    return url


@click.command("doctor")
@click.option("--models", type=click.Path(path_type=Path), help="The catalogue (models.yaml).")
@click.option(
    "--redis-url",
    callback=_of_redis,
    help="The cluster's Redis; if left out, the Redis that `caravan up` would start.",
)
@click.option("--data", type=click.Path(path_type=Path), default=Path(".caravan"), show_default=True,
              help="The folder of `caravan up`.")  # fmt: skip
@click.option("--no-models", is_flag=True, help="Skip the models' self-tests, where no worker runs.")
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects: check, state, found, advice.")
def command(models: Path | None, redis_url: str | None, data: Path, no_models: bool, as_json: bool) -> None:
    """Check this machine: print the state of each part, and what to do about faults.

    The exit status is 1 if there is a fault; warnings alone leave it 0. Each model is loaded for its self-test.
    """
    signal.signal(signal.SIGTERM, _stop)
    given = surroundings.read()
    patient = Patient(
        given=given,
        models_file=models or given.models_file,
        redis_url=surroundings.redis_url(given, redis_url),
        data=data,
        self_tests=not no_models,
        trial_redis=trial_redis,
    )
    secrets = surroundings.secrets(given.settings, redis_url)
    findings: list[Finding] = []
    for finding in examine(patient.checks(), secrets=secrets, begun=_begun):
        findings.append(finding)
        if not as_json:
            _show(finding)
    _begun("")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        click.echo(f"\n{_summary(findings)}")
    sys.exit(any(finding.state == State.FAULT for finding in findings))


def _stop(number: int, _frame: FrameType | None) -> None:
    """End as by Ctrl-C: what was started goes with us."""
    sys.exit(128 + number)


def _begun(check: str) -> None:
    """What is being looked at, where somebody watches; the next line takes its place."""
    if sys.stderr.isatty():
        click.echo(f"{CLEAR_LINE}looking at {check} ..." if check else CLEAR_LINE, nl=False, err=True)


def _show(finding: Finding) -> None:
    _begun("")
    first, *rest = lines(finding, screen_width())
    state = finding.state.value
    click.echo("\n".join([click.style(state, fg=COLOURS[finding.state]) + first.removeprefix(state), *rest]))


def lines(finding: Finding, width: int | None) -> list[str]:
    """What was found, and what to do about it: beside the part that was looked at, or below it on a narrow screen.

    Args:
        width: columns of the screen; None for one line each.
    """
    narrow = width is not None and width < NARROW_WIDTH
    head = f"{finding.state.value:<{STATE_WIDTH}}{finding.check:<{CHECK_WIDTH - 2}}  "
    indent = "  " if narrow else " " * (STATE_WIDTH + CHECK_WIDTH)
    found = wrapped(finding.found, width, first=indent if narrow else head, indent=indent)
    advice = wrapped(f"-> {finding.advice}", width, first=indent, indent=f"{indent}   ") if finding.advice else []
    return [*([head.rstrip()] if narrow else []), *found, *advice]


def _summary(findings: Iterable[Finding]) -> str:
    states = [finding.state for finding in findings]
    faults, warnings = states.count(State.FAULT), states.count(State.WARNING)
    summary = f"{counted(faults, 'fault')}, {counted(warnings, 'warning')}"
    return f"{summary}: see the advice above." if faults else f"{summary}: you need not do anything."
