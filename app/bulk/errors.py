"""Why a bulk run stops. What has been done by then stays done: the same command goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BulkError(Exception):
    """Raised when a run cannot begin or go on; says what to mend."""


@contextmanager
def as_bulk_error(path: Path, act: str) -> Iterator[None]:
    """Turn what the system says of a file into a `BulkError`: ``as_bulk_error(path, "write")``."""
    try:
        yield
    except OSError as exc:
        raise BulkError(f"Cannot {act} {path}: {exc.strerror or exc}.") from exc
