"""Cores, and whether the threads of all workers fit them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.doctor.finding import Finding, ok, warning
from tasks.machine import cgroup

CHECK = "cores and threads"
TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """What there is to compute with."""

    logical: int
    """What the system counts: hyperthreads are two of one core."""
    allowed: int
    """Those of them that this process may run on (its affinity)."""
    physical: int | None
    """Cores behind those that are allowed; None if nothing tells."""
    quota: float | None
    """Cores' worth of time that the control group gives; None is no limit."""

    @property
    def usable(self) -> int:
        """How many threads can run at once, one at least."""
        return max(1, min(self.allowed, int(self.quota) if self.quota is not None else self.allowed))


def read() -> Cores:
    """This process' cores."""
    logical = os.cpu_count() or 1
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(logical))
    return Cores(logical=logical, allowed=len(allowed), physical=physical(allowed), quota=cgroup.read().cpus)


def physical(allowed: set[int], topology: Path = TOPOLOGY) -> int | None:
    """How many cores stand behind some of the system's."""
    try:
        siblings = {(topology / f"cpu{number}/topology/thread_siblings_list").read_text() for number in allowed}
    except OSError:
        return None
    return len(siblings)


def judge(cores: Cores, *, threads: Sequence[int]) -> Iterator[Finding]:
    """Whether workers stand in each other's way.

    Args:
        threads: those of each worker that `caravan up` starts.
    """
    workers, most, wanted = len(threads), max(threads), sum(threads)
    per_worker = f"{most} thread{'s' * (most != 1)} each" if len(set(threads)) == 1 else f"{wanted} threads"
    found = f"{_described(cores)}; {per_worker} for {workers} worker{'s' * (workers != 1)}"
    if wanted <= cores.usable:
        yield ok(CHECK, found)
        return
    share = max(1, cores.usable // workers)
    if share >= most:
        yield warning(
            CHECK,
            f"{found}: more workers than cores",
            "Start fewer workers on this machine (`workers` in models.yaml), or give it more cores.",
        )
        return
    yield warning(
        CHECK,
        f"{found}: more threads than cores, so they wait for each other",
        f"Set CARAVAN_THREADS={share}, or `threads` of the models.",
    )


def judge_load(cores: Cores, *, load: float, threads: Sequence[int]) -> Iterator[Finding]:
    """A line if something else computes already where workers are to compute; none if the cores are free.

    Args:
        load: processes that computed or waited for a core or a disk, on the average of the last minute.
        threads: as for `judge`.
    """
    free = max(0, cores.logical - round(load))
    wanted = min(sum(threads), cores.usable)
    if wanted <= free:
        return
    share = max(1, free // len(threads))
    lower = f", or set CARAVAN_THREADS={share}" if share < max(threads) else ""
    yield warning(
        CHECK,
        f"the load of the last minute is {load:.1f} on {_count(cores.logical)}, and workers are to use {wanted}: "
        "threads that wait for a busy core make decoding many times slower",
        f"Stop what else computes here{lower}. Ignore this if it was a build, or this cluster's own workers.",
    )


def _count(cores: int) -> str:
    return f"{cores} core{'s' * (cores != 1)}"


def _described(cores: Cores) -> str:
    text = _count(cores.logical)
    if cores.allowed < cores.logical:
        text += f", {cores.allowed} of them allowed by affinity"
    if cores.physical is not None and cores.physical < cores.allowed:
        text += f" (hyperthreads of {cores.physical})"
    if cores.quota is not None and cores.quota < cores.allowed:
        text += f", a quota of {cores.quota:g} by the control group"
    return text
