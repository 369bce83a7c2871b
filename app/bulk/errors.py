"""Why a bulk run stops. What has been answered by then stays answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BulkError(Exception):
    """Raised when a run cannot begin or go on; says what to mend.

    Args:
        resumes: whether the same command, as it stands, goes on from here.
    """

    def __init__(self, message: str, *, resumes: bool = False) -> None:
        super().__init__(message)
        self.resumes = resumes


class Refused(BulkError):
    """Raised when no row can be asked as the options say, which one row has shown."""


@contextmanager
def as_bulk_error(path: Path, act: str, *, resumes: bool = False) -> Iterator[None]:
    """Turn what the system says of a file into a `BulkError`: ``as_bulk_error(path, "write")``."""
    try:
        yield
    except OSError as exc:
        raise BulkError(f"Cannot {act} {path}: {exc.strerror or exc}.", resumes=resumes) from exc
