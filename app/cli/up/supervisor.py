"""Keeping a handful of processes alive: start, start again what dies, stop all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.cli.up.deaths import Health
from app.cli.up.log_files import LogFile
from tasks.logs import get_logger
from tasks.queue.patience import PATIENT_SECONDS, PATIENTLY

POLL_SECONDS = 0.1
KILL_AFTER_SECONDS = 10.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. Those of a lower `rank` start first and stop last. Without a `log` it writes where we write.

    It has our environment and `env`, but for the variables that are `withheld`.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    stdin: str = ""
    rank: int = 0
    log: LogFile | None = None

    @property
    def environment(self) -> dict[str, str]:
        """All the variables that it gets."""
        whole = {**os.environ, **self.env}
        return {name: value for name, value in whole.items() if name.upper() not in self.withheld}


@dataclass(slots=True)
class _Child:
    program: Program
    health: Health
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    kill_at: float | None = None
    """Of one that was told to stop for good."""


class Supervisor:
    """Runs programs, each in a session of its own, so that Ctrl-C reaches us alone.

    Args:
        tell: is told in a sentence when a program dies, keeps dying, or is well again.
    """

    def __init__(self, tell: Callable[[str], None] = log.warning) -> None:
        self._tell = tell
        self._children: list[_Child] = []

    def start(self, program: Program) -> None:
        """Start a program and keep it alive from now on."""
        child = _Child(program, Health(program.name, str(program.log.path) if program.log else ""))
        self._children.append(child)
        self._launch(child)

    def retire(self, name: str, drain_seconds: float, *, patiently: bool = False) -> None:
        """Ask a program to stop, and do not start it again; after the drain time and some seconds it is killed.

        Args:
            patiently: let a worker end all that it runs: it is told so, and has `PATIENT_SECONDS`.
        """
        child = next(child for child in self._children if child.program.name == name)
        child.kill_at = time.monotonic() + (PATIENT_SECONDS if patiently else drain_seconds) + KILL_AFTER_SECONDS
        if child.process is not None:
            child.process.send_signal(PATIENTLY if patiently else signal.SIGTERM)

    def has(self, name: str) -> bool:
        """Whether a program runs, is to run again, or has not stopped yet."""
        return any(child.program.name == name for child in self._children)

    def tend(self) -> None:
        """Start again what has died, when its pause is over; bury what was told to stop."""
        now = time.monotonic()
        self._children = [child for child in self._children if child.kill_at is None or not _has_gone(child, now)]
        for child in self._children:
            if child.kill_at is not None:
                continue
            if child.process is not None:
                status = child.process.poll()
                message = self._bury(child, status, now) if status is not None else self._greet(child, now)
                if message:
                    self._tell(message)
            if child.process is None and now >= child.start_at:
                self._launch(child)

    def lived_seconds(self, name: str) -> float:
        """How long a program's process has run; 0 if there is none just now."""
        child = next(child for child in self._children if child.program.name == name)
        return time.monotonic() - child.started_at if child.process is not None else 0.0

    def dies_again_and_again(self, name: str) -> bool:
        """Whether a program has ended several times, and has not been well since."""
        return any(child.health.dies_again_and_again for child in self._children if child.program.name == name)

    def stop(self, drain_seconds: float) -> None:
        """Ask all to stop, those of the highest rank first; after the drain time and some seconds, kill."""
        for rank in sorted({child.program.rank for child in self._children}, reverse=True):
            self._stop([child for child in self._children if child.program.rank == rank], drain_seconds)
        self._children.clear()

    def _launch(self, child: _Child) -> None:
        program = child.program
        output = program.log.open_to_write() if program.log else None
        try:
            child.process = subprocess.Popen(
                program.argv,
                env=program.environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        finally:
            if output is not None:
                os.close(output)
        assert child.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died already
            child.process.stdin.write(program.stdin)
            child.process.stdin.close()
        child.started_at = time.monotonic()
        log.debug("started", program=program.name, pid=child.process.pid)

    def _bury(self, child: _Child, status: int, now: float) -> str:
        assert child.process is not None
        pause, message = child.health.died(status, lived_seconds=now - child.started_at)
        child.start_at = now + pause
        _kill_session(child.process)
        child.process = None
        return message

    def _greet(self, child: _Child, now: float) -> str:
        return child.health.lives(now - child.started_at)

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


def _has_gone(child: _Child, now: float) -> bool:
    """Whether one that was told to stop has; it is killed when it is late."""
    if child.process is None:
        return True
    assert child.kill_at is not None
    if child.process.poll() is None:
        if now >= child.kill_at:
            log.warning("killed", pid=child.process.pid)
            _kill_session(child.process)
        return False
    _kill_session(child.process)
    return True


def die_with_parent() -> None:
    """In the child: be told to stop when the supervisor is killed. Linux only; elsewhere it does nothing."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_session(process: subprocess.Popen[str]) -> None:
    """Whatever a program leaves behind goes with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
