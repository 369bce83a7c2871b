"""What a command that waits for a job says meanwhile, and what it does when it is interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.cli import INTERRUPTED
from caravan_client import Client
from caravan_client.calls import Calls
from caravan_client.exchange import Patience
from tasks.errors import CaravanError

FIRST_SECONDS, LOOK_SECONDS = 1.0, 2.0
TURN_SECONDS = 30.0
"""How often a place in the line is told; anything else that a job waits for, as soon as it changes."""
AGAIN_SECONDS = 2.0


class Narrator:
    """Decides what is worth telling of a job that waits. Pure but for its clock."""

    def __init__(self) -> None:
        self._told: tuple[str, str] | None = None
        self._told_at = 0.0

    def line(self, job: dict[str, Any], now: float) -> str | None:
        """What to print of a job as ``GET /jobs/<id>`` shows it; None if there is nothing new."""
        waits_for = job.get("waits_for")
        if waits_for is None:
            return None
        reason = waits_for["reason"]
        told = (reason, "" if reason in ("turn", "model_loading") else waits_for["message"])
        if told == self._told and (told[1] or now - self._told_at < TURN_SECONDS):
            return None
        self._told, self._told_at = told, now
        eta = job.get("eta_seconds")
        soon = f" It begins in about {eta:.0f} s." if eta and eta >= 1 else ""
        return f"Waiting. {waits_for['message']}{soon}"


@contextmanager
def waiting_for(api: Client, job_id: str, *, cancels: bool = False) -> Iterator[threading.Event]:
    """Around the wait for a job: tells on stderr what the job waits for, until the event is set or the wait is over.

    An interrupt ends the command, not the job: it says so, unless `cancels`. A second one cancels the job.
    """
    with telling(api, job_id) as begun:
        try:
            yield begun
        except KeyboardInterrupt:
            begun.set()
            if cancels or _is_interrupted_again(job_id):
                _cancel(api, job_id)
            raise SystemExit(INTERRUPTED) from None


@contextmanager
def telling(api: Client, job_id: str) -> Iterator[threading.Event]:
    """Tells on stderr what a job waits for, until the event is set or the block is left. It handles no interrupt."""
    begun = threading.Event()
    threading.Thread(target=_tell, args=(api, job_id, begun), daemon=True).start()
    try:
        yield begun
    finally:
        begun.set()


def _tell(api: Client, job_id: str, begun: threading.Event) -> None:
    narrator, seconds, once = Narrator(), FIRST_SECONDS, Calls(patience=Patience(0.0))
    while not begun.wait(seconds):
        seconds = LOOK_SECONDS
        try:
            job = api.carry_out(once.call("GET", f"/jobs/{job_id}"))
        except CaravanError:
            continue  # whoever waits for the job tells of it, or gives up
        line = narrator.line(job, time.monotonic())
        if line and not begun.is_set():
            click.echo(line, err=True)


def _is_interrupted_again(job_id: str) -> bool:
    try:
        click.echo(
            f"\nThe job continues. `caravan jobs watch {job_id}` shows it, `caravan jobs cancel {job_id}` ends it. "
            f"Ctrl-C again within {AGAIN_SECONDS:.0f} s cancels it now.",
            err=True,
        )
        time.sleep(AGAIN_SECONDS)
    except KeyboardInterrupt:
        return True
    return False


def _cancel(api: Client, job_id: str) -> None:
    try:
        api.cancel(job_id)
        click.echo(f"\nThe job {job_id} is cancelled.", err=True)
    except CaravanError as exc:
        click.echo(f"\n{exc.message}", err=True)
