"""`OUTPUT.progress`, where a run's state lies: what is asked, and what has been answered."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from app.bulk.errors import BulkError, as_bulk_error

VERSION = 1


class Folder:
    """The state of one run. Only one process has it."""

    def __init__(self, path: Path, run_id: str, lock: FileLock) -> None:
        self.path = path
        self.run_id = run_id
        self._lock = lock

    @property
    def journal(self) -> Path:
        return self.path / "answers.jsonl"

    @property
    def spool(self) -> Path:
        return self.path / "input"

    def close(self) -> None:
        self._lock.release()

    def remove(self) -> None:
        """Forget the run. What says that there is one goes first: a half removed one is none."""
        with as_bulk_error(self.path, "remove"):
            (self.path / "run.json").unlink()
            sync_folder(self.path)
            shutil.rmtree(self.path)
        self.close()


def lock(output: Path, *, restart: bool) -> tuple[Path, FileLock]:
    """The folder of an output, made if there is none, and the lock on it.

    Raises BulkError if another process has it, or if the output is there already and no run of it goes on.
    """
    path = output.with_name(output.name + ".progress")
    if output.exists() and not restart and not (path / "run.json").exists():
        raise BulkError(f"{output} exists already. --restart makes it anew.")
    with as_bulk_error(path, "make"):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
        held = FileLock(path / "lock")
        try:
            held.acquire(blocking=False)
        except Timeout as exc:
            raise BulkError(f"Another command is making {output}.") from exc
    return path, held


def begin(path: Path, held: FileLock, asked: Mapping[str, Any], *, restart: bool) -> Folder:
    """The run in a folder that is ours: the one that is there, if it asks the same, else a new one.

    Args:
        asked: what the answers depend on, by names that the user knows. Raises BulkError if the run there asks else.
    """
    note = path / "run.json"
    known = None if restart else _read(note)
    if known is not None:
        changed = [name for name in {**known["asked"], **asked} if known["asked"].get(name) != asked.get(name)]
        if changed:
            raise BulkError(
                f"The run in {path.name} had other options or another input: {', '.join(changed)}. "
                "Undo the change to resume it, or give --restart to begin anew."
            )
        return Folder(path, known["run"], held)
    run_id = uuid.uuid4().hex
    with as_bulk_error(path, "write"):
        note.unlink(missing_ok=True)
        sync_folder(path)
        (path / "answers.jsonl").unlink(missing_ok=True)
        with replacing(note) as file:
            file.write(json.dumps({"version": VERSION, "run": run_id, "asked": asked}, indent=2).encode())
    return Folder(path, run_id, held)


def _read(note: Path) -> dict[str, Any] | None:
    with as_bulk_error(note, "read"):
        if not note.exists():
            return None
        text = note.read_bytes()
    try:
        known: dict[str, Any] = json.loads(text)
        if known["version"] != VERSION:
            raise BulkError(f"{note.parent} was made by another version of Caravan. Give --restart to begin anew.")
        return known
    except (ValueError, KeyError, TypeError) as exc:
        raise BulkError(f"{note} cannot be read. Give --restart to begin anew.") from exc


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[BinaryIO]:
    """Write a file that is there whole or not at all, also after a power cut; made in `folder`, on the same disk."""
    made = (folder or path.parent) / f"{path.name}.new"
    try:
        with made.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """See the names in a folder on the disk."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
