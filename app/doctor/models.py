"""The self-test of each model: a worker's own, in a process that may die of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.doctor.finding import Finding, fault, ok, warning
from app.doctor.memory import Need
from tasks.byte_sizes import size
from tasks.machine.memory import Room

PROVE_SECONDS = 900.0
"""A large model from a slow disk takes minutes to load."""
LONGEST_TAIL = 300


@dataclass(frozen=True, slots=True)
class Proof:
    """How the process of a self-test ended."""

    status: int | None
    """The exit status, negative is a signal; None is that it did not end in time."""
    said: Mapping[str, Any]
    """What it wrote down of the test; empty if it wrote nothing."""
    tail: str = ""
    """The last line of its log."""


def check_name(model: str) -> str:
    """What the line of a model's self-test is called."""
    return f"model {model}"


def prove(model: str, env: Mapping[str, str], *, seconds: float = PROVE_SECONDS) -> Proof:
    """Load a model as its worker does, and have it compute. Asks no Redis."""
    arguments = [sys.executable, "-P", "-m", "tasks.worker", model, "--prove"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        arguments,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, log = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return Proof(None, {})
    finally:  # also what it has started itself, and if we are interrupted
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return Proof(process.returncode, _said(output), _last_line(log))


def judge(model: str, proof: Proof) -> Iterator[Finding]:
    """What a self-test showed."""
    check, said = check_name(model), proof.said
    if proof.status is None:
        yield fault(
            check,
            f"the self-test did not end within {PROVE_SECONDS:.0f} s",
            "A disk that is too slow to load it, or a library or card that hangs: see its worker's log.",
        )
    elif said.get("ok") and proof.status == 0:
        used = _used(str(said.get("processor", "")))
        yield ok(
            check, f"the self-test passed in {float(said.get('seconds', 0)):.1f} s{f', with {used}' if used else ''}"
        )
    elif said:
        phase, reason = str(said.get("phase") or "its start"), str(said.get("reason") or "no reason is known")
        reason = _without_doctor(reason)
        found = reason if "self-test" in reason else f"the self-test failed in {phase}: {reason}"
        yield fault(check, found, "Fix this: no worker can serve the model until then.")
    else:
        yield fault(
            check,
            f"the self-test could not be run: {_ended(proof.status)}{f' ({proof.tail})' if proof.tail else ''}",
            "Fix the reason; `python -P -m tasks.worker MODEL --prove` prints all of it.",
        )


def too_large(need: Need, room: Room | None) -> Iterator[Finding]:
    """A line instead of a self-test which would push others out of memory; none if there is room."""
    if room is not None and need.worker > room.free:
        yield warning(
            check_name(need.model),
            f"not tested: it takes about {size(need.worker)} of memory, and {size(room.free)} are free now",
            "Stop other programs, such as the model's own workers, and run caravan doctor again.",
        )


def _said(output: str) -> Mapping[str, Any]:
    """The JSON object that stands on a line of its own, the last such one."""
    for line in reversed(output.splitlines()):
        with contextlib.suppress(ValueError):
            if isinstance(said := json.loads(line), dict):
                return said
    return {}


def _without_doctor(reason: str) -> str:
    """A reason for those who run the doctor already."""
    sentences = re.split(r"(?<=\.) ", reason)
    return " ".join(sentence for sentence in sentences if "caravan doctor" not in sentence)


def _used(processor: str) -> str:
    """What llama.cpp computes with. Its own words are ``CPU : AVX2 = 1 | AMX_INT8 = 0 |``: those with a 1 are told."""
    return " ".join(re.findall(r"(\w+) = 1\b", processor)) or processor


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return lines[-1].strip()[:LONGEST_TAIL] if lines else ""


def _ended(status: int) -> str:
    if status >= 0:
        return f"it ended with status {status}"
    try:
        return f"it was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was killed by signal {-status}"
