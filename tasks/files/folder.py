"""Where the bytes of files lie: one folder, which the web front and the clerks share.

A part has one writer in its life, under a name that nobody else writes to, and its bytes count when a record says so.
So there is nothing to lock and nothing to rename: what a dead or a stale writer leaves behind is in no record.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tasks.files.record import Part

PIECE = 1 << 16
SYNC_BYTES = 8 << 20
"""So much is written to the disk at once, that whoever writes a large file does not stand still at its end."""
ORPHAN_SECONDS = 86_400.0
"""A part so old that no record names is removed: long enough for a backup of Redis to be restored."""
_NAME = re.compile(r"file-[0-9a-f]{24}\.[0-9]{1,15}")


class Writer:
    """Writes one part; the context removes it again if it is left by an exception."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: BinaryIO = path.open("xb", buffering=0)
        self._unsynced = 0
        self.bytes = 0
        """Written so far."""

    @property
    def part(self) -> Part:
        return Part(self._path.name, self.bytes)

    def write(self, data: bytes) -> int:
        """Append, all of it or an OSError."""
        rest = memoryview(data)
        while rest:
            written = self._handle.write(rest)
            self.bytes += written
            self._unsynced += written
            rest = rest[written:]
        if self._unsynced >= SYNC_BYTES:
            self.sync()
        return len(data)

    def sync(self) -> None:
        """Have all that was written survive a loss of power."""
        os.fsync(self._handle.fileno())
        self._unsynced = 0

    def close(self) -> None:
        self._handle.close()

    def discard(self) -> None:
        """Close, and leave nothing."""
        self.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.discard()


class Folder:
    """Parts of files, by names that we make ourselves. Methods raise OSError when the disk fails or is full."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def free(self) -> int:
        """Bytes that the disk has free."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self._path).free

    def create(self, file_id: str, number: int) -> Writer:
        """A new part of a file; raises FileExistsError for a number that the file has had."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Writer(self._find(f"{file_id}.{number}"))

    def read(self, parts: Sequence[Part], start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of a file from `start` until before `stop`, in pieces."""
        stop = sum(part.bytes for part in parts) if stop is None else stop
        begin = 0
        for part in parts:
            first, last = max(start - begin, 0), min(stop - begin, part.bytes)
            if first < last:
                yield from self._pieces(part.name, first, last)
            begin += part.bytes

    def delete(self, parts: Iterable[Part]) -> None:
        """Remove parts; those that are gone already are gone."""
        for part in parts:
            self._find(part.name).unlink(missing_ok=True)

    def names(self, *, older_than: float = ORPHAN_SECONDS) -> Iterator[str]:
        """The parts that were last written so many seconds ago, or longer."""
        before = time.time() - older_than
        with contextlib.suppress(FileNotFoundError), os.scandir(self._path) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if _NAME.fullmatch(entry.name) and entry.stat().st_mtime <= before:
                        yield entry.name

    def _pieces(self, name: str, first: int, last: int) -> Iterator[bytes]:
        with self._find(name).open("rb") as handle:
            handle.seek(first)
            while first < last:
                data = handle.read(min(PIECE, last - first))
                if not data:
                    raise OSError(f"{name} is shorter than its record says")
                first += len(data)
                yield data

    def _find(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not the name of a part: {name!r}")
        return self._path / name
