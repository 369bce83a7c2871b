"""What the end of a worker's process tells: whether it is the process' own doing, in words."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

CRASHES = frozenset(
    {
        *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),  # raised by what the process computed
        *(signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS),  # raised by the process itself
    }
)
"""Signals that nobody sends from outside in earnest (signal(7))."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended. `own` is whether it crashed: a kill from outside says nothing of what it ran."""

    words: str
    own: bool
    stopped: bool = False
    """Whether it ended in order, as a process does that was told to."""


def classify(wait_status: int, *, out_of_memory: bool) -> Death:
    """What a status of `os.waitpid` means.

    Args:
        out_of_memory: whether the kernel has killed for want of memory just before.
    """
    if not os.WIFSIGNALED(wait_status):
        status = os.waitstatus_to_exitcode(wait_status)
        return Death(f"ended with status {status}", own=status != 0, stopped=status == 0)
    number = signal.Signals(os.WTERMSIG(wait_status))
    if number is signal.SIGKILL and out_of_memory:
        return Death("was killed by the kernel, which was out of memory (SIGKILL)", own=True)
    return Death(f"died by {number.name}", own=number in CRASHES)


class OutOfMemoryKills:
    """The kernel's count of processes that it killed for memory: of this container, or of the machine.

    cgroup v2 counts them in ``memory.events``, v1 in ``memory.oom_control``; ``/proc/vmstat`` has the machine's.
    """

    def __init__(self) -> None:
        self._before = self._last = self._count()
        self._looked_at = 0.0

    def look(self, now: float, seconds: float) -> None:
        """Forget kills of longer ago, once in so many seconds: they were of other processes."""
        if now - self._looked_at >= seconds:
            self._looked_at = now
            self._before, self._last = self._last, self._count()

    def happened(self) -> bool:
        """Whether there was one since the look before the last, and the last call."""
        before, self._before = self._before, self._count()
        self._last = self._before
        return self._before > before

    def _count(self) -> int:
        for path in _counters():
            try:
                lines = path.read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
        return 0


def _counters() -> list[Path]:
    groups = {}
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups[controllers] = path.lstrip("/")
    except (OSError, ValueError):
        pass
    root = Path("/sys/fs/cgroup")
    return [
        *([root / groups[""] / "memory.events"] if "" in groups else []),
        root / "memory.events",
        *([root / "memory" / groups["memory"] / "memory.oom_control"] if "memory" in groups else []),
        root / "memory" / "memory.oom_control",
        Path("/proc/vmstat"),
    ]
