"""Folders and files that no other user of the machine can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.logs import get_logger

PRIVATE = 0o077
"""What nobody else may: the umask, and the bits that are taken away."""
OURS = ("lock", "address", "admin-key", "flower-password", "redis", "logs", "files")
"""What a cluster makes in its data folder. Whatever else lies there is somebody's own."""

log = get_logger(__name__)


@contextmanager
def private_umask() -> Iterator[None]:
    """What this process makes meanwhile, and what the programs make that it starts, is the user's alone."""
    before = os.umask(PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def private_folder(path: Path) -> None:
    """Make a folder that only its user can enter, or make one so that is there. Raises OSError.

    One of another user's stays as it is, and a warning says so.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not _is_private(path):
        log.warning("this folder is another user's, who can read what is kept in it", path=str(path))


def mend(data: Path) -> None:
    """Take from others what an earlier release let them read: the data folder, and what it made there. Raises OSError.

    Nobody else enters the folder any more. What is below it is mended for the day on which somebody opens it again; but
    for uploads, which are many, and in a folder that always was private.
    """
    private_folder(data)
    for path in (*map(data.joinpath, OURS), *(data / "redis").rglob("*"), *(data / "logs").glob("*")):
        if not path.is_symlink() and (path.is_dir() or path.is_file()):
            _is_private(path)


def _is_private(path: Path) -> bool:
    """Whether others can do nothing with it, now that their rights to what is ours have been taken away."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        return False
    if mode & PRIVATE:
        path.chmod(mode & ~PRIVATE)
    return True
