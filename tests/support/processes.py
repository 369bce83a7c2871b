"""Starting our own programs as processes, with their output kept for a failing test to show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("caravan"))]
"""Arguments of Python's that run `caravan` as a user does, from any folder."""


class Process:
    """One program. Its output goes to `log`."""

    def __init__(self, arguments: list[str], *, env: Mapping[str, str], log: Path, cwd: Path | None = None) -> None:
        self.log = log
        self._cwd = cwd
        self._arguments = arguments
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int:
        """The exit status of a process that has ended; negative is the signal that killed it."""
        assert self._process is not None
        assert self._process.returncode is not None
        return self._process.returncode

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments], env=self._env, cwd=self._cwd, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """As a crash would: no cleaning up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """Stop it and the processes that it has forked in the middle of whatever they do, until `thaw`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in (self.pid, *children(self.pid)):
            os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30) -> int:
        """Ask it to stop; its exit status."""
        assert self._process is not None
        if self.running:
            self._process.send_signal(number)
        return self._process.wait(seconds)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def with_variable(name: str, value: str) -> list[int]:
    """The processes on this machine whose environment holds a variable with this value."""
    entry = f"{name}={value}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                zombie = b"State:\tZ" in (folder / "status").read_bytes()
            except OSError:
                continue
            if entry in environment and not zombie:
                found.append(int(folder.name))
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in listed]
