"""The disks that Caravan writes to: whether a file can really be written there, and how much room is left."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.doctor.finding import Finding, State, ok
from tasks.byte_sizes import size

PROBE_BYTES = 1 << 20
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that something is to be written to."""

    check: str
    path: Path
    setting: str
    """How another one is chosen, as it is typed."""
    wanted: int
    """Bytes that should be free."""
    wanted_for: str
    needed: bool = True
    """Whether nothing works without it; else only a part of the cluster that may run elsewhere writes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What a trial showed."""

    folder: Path
    """The folder itself, or the nearest one above it that is there."""
    mount: str
    """Where its file system hangs, and of what kind it is."""
    free: int = 0
    total: int = 0
    files_left: bool = True
    """Whether the file system has room for another file, whatever its size."""
    error: int = 0
    """The errno of the trial; 0 is that a file was written, synced and removed."""


def read(path: Path) -> Disk:
    """Write a file of a mebibyte where `path` is or would be made, have it reach the disk, and remove it."""
    folder = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    mount = mounted(folder)
    if not folder.is_dir():
        return Disk(folder=folder, mount=mount, error=errno.ENOTDIR)
    room = os.statvfs(folder)
    error = _try(folder)
    return Disk(
        folder=folder,
        mount=mount,
        free=room.f_bavail * room.f_frsize,
        total=room.f_blocks * room.f_frsize,
        files_left=room.f_files == 0 or room.f_ffree > 0,
        error=error,
    )


def judge(folder: Folder, disk: Disk) -> Iterator[Finding]:
    """Whether the folder can be written to, and has room."""
    room = f"{size(disk.free)} of {size(disk.total)} free on {disk.mount}"
    if disk.error:
        reason, advice = _trouble(folder, disk, room)
        state = State.FAULT if folder.needed else State.WARNING
        if not folder.needed:
            advice += " Ignore this on a machine without the web front or a clerk."
        yield Finding(folder.check, state, f"{folder.path}: {reason}", advice)
    elif disk.free < folder.wanted:
        found = f"{folder.path}: {room}, less than {size(folder.wanted)} for {folder.wanted_for}"
        yield Finding(folder.check, State.WARNING, found, f"Free space, or choose another with {folder.setting}.")
    else:
        yield ok(folder.check, f"{folder.path}: {room}; a file was written and synced")


def mounted(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The file system that a folder is on: ``/data (ext4)``."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return "its disk"
    real, best = folder.resolve(), ("/", "")
    for _device, point, kind, *_rest in lines:
        place = Path(point.encode().decode("unicode_escape"))  # a space is \040
        if (place == real or place in real.parents) and len(str(place)) >= len(best[0]):
            best = (str(place), kind)
    return f"{best[0]} ({best[1]})" if best[1] else best[0]


def _try(folder: Path) -> int:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".caravan-doctor-") as file:
            file.write(os.urandom(PROBE_BYTES))  # a file system that compresses makes nothing of zeros
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        return exc.errno or errno.EIO
    return 0


def _trouble(folder: Folder, disk: Disk, room: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    elsewhere = f"choose another folder with {folder.setting}"
    if disk.error == errno.ENOSPC and not disk.files_left:
        return f"the disk takes no more files ({disk.mount} has no inodes left)", f"Remove files there, or {elsewhere}."
    if disk.error == errno.ENOSPC:
        return f"the disk is full ({room})", f"Free some space, enlarge the disk, or {elsewhere}."
    if disk.error == errno.EDQUOT:
        return f"this user's quota of {disk.mount} is used up", f"Free some space, raise the quota, or {elsewhere}."
    if disk.error == errno.EROFS:
        return f"{disk.mount} is mounted read-only", f"Mount it writable, or {elsewhere}."
    if disk.error in (errno.EACCES, errno.EPERM):
        user = f"the user {os.geteuid()}"
        return f"{user} may not write into {disk.folder}", f"Give {user} the right (chown), or {elsewhere}."
    if disk.error == errno.ENOTDIR:
        return f"{disk.folder} is not a folder", f"Remove it, or {elsewhere}."
    return f"a file cannot be written there ({os.strerror(disk.error)})", f"Check {disk.mount}, or {elsewhere}."
