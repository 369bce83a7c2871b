"""What an upload may write: as much as its owner's files, and all files, have room for beside other uploads."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.access.caller import caller
from app.access.defaults import is_bounded, part
from app.services.services import services
from tasks.errors import RequestTooLarge, StorageLimited
from tasks.files.store import RESERVED_SECONDS, FileStore, Full
from tasks.ledger.connection import UNAVAILABLE, as_broker_errors

STEP = 1 << 20
"""So much more than it needs is promised to an upload at once, if there is so much."""
FORM_BYTES = 1 << 12
"""Of a form beside its file, at most, where what is declared is taken for the file's size."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes that the caller's files and all files may have; None is any number."""

    most: int | None
    most_all: int | None


def bounds() -> Bounds:
    """The caller's, with the owner's share of all where its key has no limit of its own.

    All is the setting, or what the files have and the disk has free.
    """
    key, settings, files = caller(), services().settings, services().files
    if not is_bounded(key, settings):
        return Bounds(key.limits.stored_bytes if settings.keys else None, None)
    with as_broker_errors():
        _, everything = files.stored(key.owner)
    whole = settings.all_stored_bytes or everything + _free(files)
    return Bounds(key.limits.stored_bytes or part(whole, settings.owner_share), whole)


def _free(files: FileStore) -> int:
    try:
        return files.folder.free()
    except OSError:  # whoever writes to it is told what is wrong
        return 0


class Quota:
    """The room of one upload. It asks Redis before bytes are written, a step at a time."""

    def __init__(self, files: FileStore, file_id: str, owner: str, within: Bounds) -> None:
        self._files = files
        self._file_id = file_id
        self._owner = owner
        self._within = within
        self._reserved = -1
        self._asked_at = 0.0

    def need(self, size: int) -> None:
        """Have room for a file of so many bytes.

        Raises:
            RequestTooLarge: the owner may not have so many at all.
            StorageLimited: there is no room beside what is there.
        """
        if self._within == Bounds(None, None):
            return
        if size <= self._reserved and time.monotonic() - self._asked_at < RESERVED_SECONDS / 4:
            return
        if self._within.most is not None and size > self._within.most:
            raise RequestTooLarge(f"The owner's files may have {self._within.most} bytes (stored_bytes). Send less.")
        wanted = max(size, self._reserved)  # what is promised already is renewed, and never less
        if self._reserve(max(size + STEP, wanted)) and (full := self._reserve(wanted)):
            if not self._files.is_due_for_recount(self._owner):
                raise _refused(full, self._within)
            self._files.recount(self._owner)
            if full := self._reserve(wanted):
                raise _refused(full, self._within)

    def release(self) -> None:
        """The upload has come to nothing. While Redis is away, the promise lapses by itself."""
        with contextlib.suppress(*UNAVAILABLE):
            if self._reserved >= 0:
                self._files.release(self._file_id)

    def _reserve(self, size: int) -> Full | None:
        with as_broker_errors():
            full = self._files.reserve(
                self._file_id,
                owner=self._owner,
                size=size,
                most=self._within.most,
                most_all=self._within.most_all,
            )
        if full is None:
            self._reserved, self._asked_at = size, time.monotonic()
        return full


@contextmanager
def quota(files: FileStore, file_id: str, *, declared: int | None) -> Iterator[Quota]:
    """The room of the caller's upload, of a body of so many bytes if that is declared; released if it fails."""
    room = Quota(files, file_id, caller().owner, bounds())
    try:
        room.need(max(0, (declared or 0) - FORM_BYTES))
        yield room
    except BaseException:
        room.release()
        raise


def _refused(full: Full, within: Bounds) -> StorageLimited:
    if full.of_all:
        return StorageLimited(
            f"The files of all owners may have {within.most_all} bytes (CARAVAN_ALL_STORED_BYTES), "
            f"and have {full.bytes}, uploads under way included. Delete some, or try again later."
        )
    return StorageLimited(
        f"The owner's files may have {within.most} bytes (stored_bytes), and have {full.bytes}, "
        "uploads under way included. Delete some, or wait until some expire."
    )
