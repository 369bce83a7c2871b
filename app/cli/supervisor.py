"""Keeping a handful of processes alive: start, start again what dies, stop all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.logs import get_logger

POLL_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
SETTLED_SECONDS = 10.0
"""A process that lived so long starts with the first pause again."""
KILL_AFTER_SECONDS = 10.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. Those of a lower `rank` start first and stop last."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    rank: int = 0


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    start_at: float = 0.0


class Supervisor:
    """Runs programs, each in a session of its own, so that Ctrl-C reaches us alone."""

    def __init__(self) -> None:
        self._children: list[_Child] = []

    def start(self, program: Program) -> None:
        """Start a program and keep it alive from now on."""
        child = _Child(program)
        self._children.append(child)
        self._launch(child)

    def tend(self) -> None:
        """Start again what has died, when its pause is over."""
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, now)
            if child.process is None and now >= child.start_at:
                self._launch(child)

    def stop(self, drain_seconds: float) -> None:
        """Ask all to stop, those of the highest rank first; after the drain time and some seconds, kill."""
        for rank in sorted({child.program.rank for child in self._children}, reverse=True):
            self._stop([child for child in self._children if child.program.rank == rank], drain_seconds)
        self._children.clear()

    def _launch(self, child: _Child) -> None:
        program = child.program
        child.process = subprocess.Popen(
            program.argv,
            env={**os.environ, **program.env},
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        assert child.process.stdin is not None
        child.process.stdin.write(program.stdin)
        child.process.stdin.close()
        child.started_at = time.monotonic()
        log.debug("started", program=program.name, pid=child.process.pid)

    def _bury(self, child: _Child, now: float) -> None:
        assert child.process is not None
        if now - child.started_at > SETTLED_SECONDS:
            child.pause_seconds = FIRST_PAUSE_SECONDS
        child.start_at = now + child.pause_seconds
        log.warning("died", program=child.program.name, status=child.process.returncode, again_in=child.pause_seconds)
        child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        _kill_session(child.process)
        child.process = None

    def _stop(self, children: Sequence[_Child], drain_seconds: float) -> None:
        living = [child.process for child in children if child.process is not None]
        for process in living:
            process.terminate()
        deadline = time.monotonic() + drain_seconds + KILL_AFTER_SECONDS
        for process in living:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("killed", pid=process.pid)
            _kill_session(process)
            process.wait()


def _die_with_parent() -> None:
    """In the child: be told to stop when the supervisor is killed. Linux only; elsewhere it does nothing."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_session(process: subprocess.Popen[str]) -> None:
    """Whatever a program leaves behind goes with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
