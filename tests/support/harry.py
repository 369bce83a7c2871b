"""A bulk run that is disturbed: the command and what serves it are killed while it goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.bulk import BulkCommand
from tests.support.cluster import Cluster
from tests.support.processes import children
from tests.support.waiting import until

VICTIMS = ("command", "worker", "web", "redis")
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, and when so many rows are done."""

    num_done: int
    victim: str


def spread(rows: int, victims: Sequence[str]) -> list[Kill]:
    """Kills in turn, spread over a run of so many rows."""
    return [Kill(rows * (count + 1) // (len(victims) + 1), victim) for count, victim in enumerate(victims)]


def disturbed(
    command: BulkCommand, cluster: Cluster, kills: Sequence[Kill], *, told: Callable[[str], None] = lambda text: None
) -> list[str]:
    """Run a command to its end, whatever is killed; what was killed in vain, because it had ended by then."""
    process, begin, left = command.start(), time.monotonic(), list(kills)
    while True:
        if process.poll() is not None:
            assert process.returncode == 0, command.log.read_text()
            return [kill.victim for kill in left]
        if left and (num_done := command.num_done()) >= left[0].num_done:
            kill = left.pop(0)
            told(f"{time.monotonic() - begin:.0f} s, {num_done} rows: kill {kill.victim}")
            if kill.victim == "command":
                process.kill()
                process.wait()
                process = command.start()
            else:
                _kill(cluster, kill.victim)
        time.sleep(PAUSE_SECONDS)


def _kill(cluster: Cluster, victim: str) -> None:
    """With SIGKILL; `caravan up` starts it again."""
    for pid in until(lambda: pids(cluster, victim), what=f"there is a {victim} to kill"):
        os.kill(pid, signal.SIGKILL)


def pids(cluster: Cluster, victim: str) -> list[int]:
    """The processes of one part of the cluster."""
    found = []
    for pid in {*cluster.processes(), *children(cluster.process.pid)}:  # Redis writes over its environment
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        if _is(victim, arguments):
            found.append(pid)
    return found


def _is(victim: str, arguments: list[str]) -> bool:
    match victim:
        case "redis":
            return "redis-server" in arguments[0]
        case "worker":
            return "tasks.worker" in arguments
        case _:
            return victim in arguments


def resident_bytes(pid: int) -> int:
    """Memory that a process has resident; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
