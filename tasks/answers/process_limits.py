"""Limits that a process sets itself before it tries what may not end."""

from __future__ import annotations

import resource
import signal
import sys


def limit(*, seconds: float, wall_seconds: float, memory_bytes: int) -> None:
    """From here on the process is ended when it goes on for too long; memory that it asks for too much is refused.

    Args:
        seconds: of a processor.
        wall_seconds: of the clock.
        memory_bytes: beside what it has now; on Linux alone.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, wall_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:  # noqa: PTH123 - of this process alone, and before its first allocation
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + memory_bytes, size + memory_bytes))
