"""Where the cluster that `caravan up` runs from a folder is: commands of the same folder find it there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "address"


@contextmanager
def announced(data: Path, url: str) -> Iterator[None]:
    """Write down the cluster's address while it runs. Raises OSError.

    The file is locked as long as its writer lives, whatever the writer dies of: nobody sends a key to an address that
    another program may have by now.
    """
    path = data / FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(BlockingIOError):  # another cluster of this folder has announced itself
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{url}\n".encode())
        yield
    finally:
        os.close(descriptor)


def running(data: Path) -> str | None:
    """The address of the cluster that runs from a folder; None if none does."""
    try:
        with (data / FILE).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or None
    except OSError:
        return None
    return None
