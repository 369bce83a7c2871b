"""What models would take of memory, asked of a worker's process: if llama.cpp aborts there, nobody else ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tasks.models.catalogue import ModelEntry
from tasks.models.plan.sizes import Sizes

SECONDS = 120.0
"""After so long it is given up: a file on a slow disk takes seconds."""


class CannotLoad(Exception):
    """Raised for a model that llama.cpp refuses; the message says why, and what to do."""


class CannotTell(Exception):
    """Raised when the other process ended without an answer; the message is the last that it said."""


COMMAND = (sys.executable, "-P", "-m", "tasks.worker.dry_run")


def question(entries: Sequence[ModelEntry]) -> str:
    """What the process is asked, on its standard input."""
    return json.dumps([entry.written() for entry in entries])


def answer(told: str) -> list[Sizes]:
    """What it said on its standard output, in the order of the question. Raises CannotLoad."""
    return [_read(each) for each in json.loads(told)]


def sizes(entries: Sequence[ModelEntry]) -> list[Sizes]:
    """What a worker of each entry takes, under this process' settings, in order. Raises CannotLoad, CannotTell."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            COMMAND, input=question(entries), capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CannotTell(str(exc)) from exc
    if ended.returncode:
        raise CannotTell((ended.stderr.strip().splitlines() or [f"it ended with status {ended.returncode}"])[-1])
    return answer(ended.stdout)


def _read(told: dict[str, Any]) -> Sizes:
    if "error" in told:
        raise CannotLoad(told["error"])
    return Sizes(**told)
