"""A processor for each thread that computes a batch.

Linux puts two threads of a team on one processor, for hundreds of milliseconds, when somebody else is busy on another.
Each of them then spins in every barrier until its slice of time is over, waiting for one that cannot run meanwhile: a
step of 0.3 ms took 390. A thread that shares its processor with somebody else only has less of it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

TASKS: Final = Path("/proc/self/task")


class Placing:
    """Keeps the threads apart that compute the batches of one thread.

    OpenMP starts them when that thread computes its first batch, and they take its name. Whatever else it starts would
    share its processor, so a main thread is left where it is.

    Args:
        processors: on which this process may run. None are given out if there is but one.
    """

    def __init__(self, processors: frozenset[int]) -> None:
        self._processors = sorted(processors)
        self._leader = 0
        self._placed = 0
        """Of how many threads the last batch was that has been looked at."""

    def begin(self) -> None:
        """Before a batch, on the thread that asks for it."""
        if (leader := threading.get_native_id()) != self._leader and not _is_main():
            self._leader, self._placed = leader, 0
            with contextlib.suppress(OSError):
                (TASKS / str(leader) / "comm").write_text(self._name)

    def end(self, count: int) -> None:
        """After it: give so many threads a processor each, if they are as many, or else all processors to all."""
        if count == self._placed or _is_main():
            return
        self._placed = count
        team = self._team()
        apart = 1 < count == len(self._processors) == len(team)
        for thread, processor in zip(team, self._processors if apart else [-1] * len(team), strict=True):
            with contextlib.suppress(OSError):  # it has ended, or its place is not ours to say
                os.sched_setaffinity(thread, [processor] if apart else self._processors)

    @property
    def _name(self) -> str:
        return f"compute-{self._leader}"

    def _team(self) -> list[int]:
        """The threads by their numbers, the one that asks first; none where the system does not tell."""
        if not TASKS.is_dir():
            return []
        return sorted(int(task.name) for task in TASKS.iterdir() if _name_of(task) == self._name)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _name_of(task: Path) -> str:
    with contextlib.suppress(OSError):
        return (task / "comm").read_text().strip()
    return ""
