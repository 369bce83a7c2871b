"""Memory that there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.machine import cgroup

_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of memory that this process may use, and those that are free; the control group's where it has less."""

    total: int
    free: int
    limited: bool
    """Whether a control group gives less than the machine has."""


def read_room(meminfo: Path = _MEMINFO) -> Room | None:
    """The memory there is; None where nothing tells."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        total, free = (int(lines[key].split()[0]) << 10 for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None
    limits = cgroup.read()
    if limits.memory is None or limits.memory >= total:
        return Room(total, free, limited=False)
    return Room(limits.memory, min(free, limits.memory_free or 0), limited=True)
