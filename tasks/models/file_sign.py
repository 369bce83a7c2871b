"""Whether a model's files were written anew, without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Sign = tuple[int, int, int]


def of(path: Path) -> Sign:
    """What differs once a file is written anew: its bytes, its time in nanoseconds, its inode. Raises OSError."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def of_all(paths: Iterable[Path]) -> tuple[Sign | None, ...]:
    """The same of several; None for one that is not there."""
    return tuple(map(_of_any, paths))


def _of_any(path: Path) -> Sign | None:
    try:
        return of(path)
    except OSError:
        return None
