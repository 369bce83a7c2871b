"""What the control groups of this process allow it: how a container, a pod or a service of systemd is limited.

Version 2 has one tree of folders, version 1 one for each controller; a limit holds for all folders below. A container
may see a tree that begins at its own folder, so folders of the path that are not there are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
NO_LIMIT = 1 << 60
"""Version 1 writes a number of this size where there is no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What this process may use; None is all there is."""

    cpus: float | None = None
    memory: int | None = None
    memory_free: int | None = None
    """What is left of `memory`, in bytes. Pages that can be read again count as free."""


def read(own: Path = OWN, root: Path = ROOT) -> Limits:
    """The tightest limits over this process; no limits where there are no control groups."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return Limits()
    cpus: list[float] = []
    memory: list[tuple[int, int]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for folder in _folders(root, controllers, path):
            cpus += _quota(folder)
            memory += _memory(folder)
    return Limits(
        cpus=min(cpus, default=None),
        memory=min((limit for limit, _ in memory), default=None),
        memory_free=min((free for _, free in memory), default=None),
    )


def _folders(root: Path, controllers: str, path: str) -> Iterator[Path]:
    """Those of a process in one tree, the innermost first."""
    if controllers and not {"cpu", "memory"}.intersection(controllers.split(",")):
        return
    trees = [root / controllers, *(root / each for each in controllers.split(","))] if controllers else [root]
    base = next((tree for tree in trees if tree.is_dir()), root)
    folder = base / path.strip("/")
    while folder != base:
        if folder.is_dir() and base in folder.parents:
            yield folder
        folder = folder.parent
    yield base


def _quota(folder: Path) -> list[float]:
    if (both := _words(folder / "cpu.max")) and both[0] != "max":
        return [int(both[0]) / int(both[1])]
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return [quota / period] if quota and period and quota > 0 else []


def _memory(folder: Path) -> list[tuple[int, int]]:
    """A limit and what is free of it."""
    for limit_name, used_name, cached_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit = _number(folder / limit_name)
        if limit is not None and limit < NO_LIMIT:
            words = _words(folder / "memory.stat")
            cached = int(words[words.index(cached_name) + 1]) if cached_name in words else 0
            return [(limit, max(0, limit - (_number(folder / used_name) or 0) + cached))]
    return []


def _number(path: Path) -> int | None:
    words = _words(path)
    return int(words[0]) if words and words[0] != "max" else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
