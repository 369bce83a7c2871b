"""Pages as files, which several workers may share: each is written whole under its key, and checked when it is read.

A file is a mark of its form, the key, the length of what was saved, these bytes, and a hash of all that.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from tasks.engine.backend import Saved
from tasks.engine.pages.keys import KEY_BYTES

MARK = b"caravan-page 1\n"
SUM_BYTES = 32
HEAD_BYTES = len(MARK) + KEY_BYTES + 8
SUFFIX = ".page"
UNFINISHED = ".part"
UNFINISHED_SECONDS = 600.0
"""A file that was not finished for so long never will be: whoever wrote it was killed."""
RANK_SECONDS = 0.001
"""By so much each page of a text seems older than the one before it, without which it is worth nothing."""


class Refused(Exception):
    """Raised for a file that is not what it should be; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that is there."""

    key: bytes
    size: int
    used_at: float


class PageFolder:
    """The files below a folder, which nobody else may read. All calls raise OSError.

    Args:
        path: where a folder for pages is, or is to be made.
        budget: bytes that all files together take at most, as far as other processes do not write meanwhile.
    """

    def __init__(self, path: Path, *, budget: int) -> None:
        self._path, self._budget = path / "pages", budget
        self._writer = token_hex(8)  # containers that share a volume may have one process id
        self._make()

    def write(self, key: bytes, saved: Saved, *, number: int) -> None:
        """Write a page, the text's page of that number. Whoever reads it meanwhile finds nothing, or all."""
        head = MARK + key + len(saved).to_bytes(8, "little")
        total = blake2b(head, digest_size=SUM_BYTES)
        total.update(saved)
        unfinished = self._path / f"{key.hex()}.{self._writer}{UNFINISHED}"
        try:
            with os.fdopen(_create(unfinished), "wb") as file:
                file.writelines((head, saved, total.digest()))
            _use(unfinished, number)
            unfinished.replace(self._file(key))
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def read(self, key: bytes) -> bytes:
        """What was saved. A file that is refused is deleted. Raises `Refused`."""
        path = self._file(key)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            try:
                return _checked(file, key)
            except Refused:
                path.unlink(missing_ok=True)
                raise

    def touch(self, keys: list[bytes]) -> None:
        """A text's pages were used, from the first on."""
        for number, key in enumerate(keys):
            with suppress(FileNotFoundError):
                _use(self._file(key), number)

    def files(self) -> list[PageFile]:
        """Those that are there, the least recently used first; what was never finished is deleted."""
        self._make()
        found: list[PageFile] = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found += self._looked_at(entry)
        return sorted(found, key=lambda file: file.used_at)

    def trim(self, beside: int) -> list[PageFile]:
        """Delete files until so many bytes have room beside the others; a tenth more, so that it is rare."""
        files = self.files()
        total = sum(file.size for file in files) + beside
        if total <= self._budget:
            return files
        while files and total > self._budget * 0.9:
            oldest = files.pop(0)
            self._file(oldest.key).unlink(missing_ok=True)
            total -= oldest.size
        return files

    def holds(self, size: int) -> bool:
        """Whether so many bytes are within the budget."""
        return size <= self._budget

    def _make(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.chmod(0o700)

    def _file(self, key: bytes) -> Path:
        return self._path / f"{key.hex()}{SUFFIX}"

    def _looked_at(self, entry: os.DirEntry[str]) -> list[PageFile]:
        stem, _, suffix = entry.name.partition(".")
        told = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(told.st_mode):
            return []  # it is nobody's page, and may not be deleted as one
        if suffix.endswith(UNFINISHED[1:]) and told.st_mtime < time.time() - UNFINISHED_SECONDS:
            Path(entry.path).unlink()
        key = _key(stem) if f".{suffix}" == SUFFIX else None
        return [PageFile(key, told.st_size, told.st_mtime)] if key else []


def file_size(saved: Saved) -> int:
    """Bytes of the file of a page."""
    return HEAD_BYTES + len(saved) + SUM_BYTES


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _use(path: Path, number: int) -> None:
    used_at = time.time() - number * RANK_SECONDS
    os.utime(path, (used_at, used_at), follow_symlinks=False)


def _key(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _checked(file: BinaryIO, key: bytes) -> bytes:
    """What a file holds under a key. Raises `Refused`."""
    told = os.fstat(file.fileno())
    if not stat.S_ISREG(told.st_mode):
        raise Refused("it is no regular file")  # a pipe has nothing, or keeps its reader waiting
    size, head = told.st_size, file.read(HEAD_BYTES)
    if head[: len(MARK)] != MARK:
        raise Refused("it is no file of pages of this release")
    if head[len(MARK) : -8] != key:
        raise Refused("it is of another key")
    length = int.from_bytes(head[-8:], "little")
    if len(head) != HEAD_BYTES or size != HEAD_BYTES + length + SUM_BYTES:
        raise Refused("it is not whole")
    saved, total = file.read(length), blake2b(head, digest_size=SUM_BYTES)
    total.update(saved)
    if file.read() != total.digest():
        raise Refused("its sum is another")
    return saved
