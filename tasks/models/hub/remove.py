"""Removing a model from the cache: its files in every commit, their contents, and parts of interrupted downloads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tasks.models import checksums
from tasks.models.hub import client
from tasks.models.hub.cached import content_of
from tasks.models.hub.hub_file import HubFile
from tasks.models.hub.part import SUFFIX


@dataclass(frozen=True, slots=True)
class Cached:
    """What the cache has of a model."""

    wanted: HubFile
    files: tuple[Path, ...]
    """By their names, in every commit: links to contents, or contents where the cache cannot hold links."""
    contents: tuple[Path, ...]
    """Those that no other file is a link to, and parts of interrupted downloads."""

    @property
    def num_bytes(self) -> int:
        """Bytes that its removal frees."""
        return sum(path.lstat().st_size for path in (*self.contents, *self.files) if _is_content(path))


class InUse(Exception):
    """Raised while another process downloads the model."""


def find(url: str) -> Cached:
    """What there is to remove. Of an address with a revision that is a commit, the files of this commit alone."""
    wanted = HubFile.parse(url)
    snapshots = wanted.folder / "snapshots"
    own = snapshots / (wanted.revision or "main")
    commits = [own] if own.is_dir() else _folders(snapshots)
    files = [path for commit in commits for file in wanted.files if _is_there(path := commit / file)]
    others = {content for path in snapshots.rglob("*") if path not in files and (content := content_of(path))}
    contents = {content for path in files if (content := content_of(path))} - others
    parts = wanted.blobs.glob(f"*{SUFFIX}")
    return Cached(wanted, tuple(files), tuple(sorted(path for path in (*contents, *parts) if _is_there(path))))


def remove(cached: Cached) -> None:
    """Remove it. A call that is killed can be repeated: contents go first, and their links lead to them until then.

    Raises OSError, and `InUse` while another process downloads the model.
    """
    from filelock import Timeout

    for path in cached.contents:
        try:
            with client.lock(cached.wanted.lock(path.name.removesuffix(SUFFIX)), timeout=0.1):
                checksums.forget(path)
                path.unlink(missing_ok=True)
        except Timeout as exc:
            raise InUse from exc
    for path in cached.files:
        checksums.forget(path)
        path.unlink(missing_ok=True)
    _remove_empty(path.parent for path in cached.files)
    with contextlib.suppress(OSError):  # it is not empty
        cached.wanted.blobs.rmdir()


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            while folder.name != "snapshots":
                folder.rmdir()
                folder = folder.parent


def _folders(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir()] if path.is_dir() else []


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _is_content(path: Path) -> bool:
    return not path.is_symlink()
