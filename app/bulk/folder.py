"""`OUTPUT.progress`, where a run's state lies: what is asked, and what has been answered."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from app.bulk.errors import BulkError, as_bulk_error

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What `run.json` says. It is replaced as a whole, and whatever it does not name is nothing.

    Args:
        run: the id under which rows are submitted.
        asked: what the answers depend on, by names that the user knows.
        number: how often what is asked has changed; names the files of this time.
        retries: whether it asks the rows again that had failed.
        num_failed: of a run whose output is made; None before.
    """

    run: str
    asked: Mapping[str, Any]
    number: int = 0
    retries: bool = False
    num_failed: int | None = None

    @property
    def finished(self) -> bool:
        return self.num_failed is not None

    @property
    def is_first(self) -> bool:
        """Whether nothing was there before it that a user may want."""
        return not self.number and not self.retries


class Folder:
    """The state of one run. Only one process has it."""

    def __init__(self, path: Path, note: Note, lock: FileLock) -> None:
        self.path = path
        self.note = note
        self._lock = lock

    @property
    def run_id(self) -> str:
        return self.note.run

    @property
    def journal(self) -> Path:
        return self.path / (f"answers.{self.note.number}.jsonl" if self.note.number else "answers.jsonl")

    @property
    def kept(self) -> Path:
        """The answers that were there when what is asked changed. A first run has none."""
        return self.path / f"kept.{self.note.number}.jsonl"

    def close(self) -> None:
        self._lock.release()

    def remove(self) -> None:
        """Forget the run. What says that there is one goes first: a half removed one is none."""
        with as_bulk_error(self.path, "remove"):
            (self.path / "run.json").unlink()
            sync_folder(self.path)
            shutil.rmtree(self.path)
        self.close()

    def finish(self, num_failed: int) -> None:
        """Keep the answers of a run whose output is made, for those who ask the rows again that have failed."""
        self.note = replace(self.note, num_failed=num_failed)
        write(self.path, self.note)
        self.clean(self.journal)

    def clean(self, *needed: Path) -> None:
        """Remove what no run needs; what cannot be removed harms nothing."""
        for path in self.path.iterdir():
            if path not in (*needed, self.path / "run.json", self.path / "lock"):
                with suppress(OSError):
                    path.unlink()


def lock(output: Path, *, restart: bool, retry: bool = False) -> tuple[Path, FileLock]:
    """The folder of an output, made if there is none, and the lock on it.

    Raises BulkError if another process has it, or if the output is there already and no run of it goes on.
    """
    path = output.with_name(output.name + ".progress")
    if not output.parent.is_dir():
        raise BulkError(f"There is no folder {output.parent}: make it, or give another -o.")
    if not restart:
        _check(output, path, read(path), retry=retry)
    with as_bulk_error(path, "make"):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
        held = FileLock(path / "lock")
        try:
            held.acquire(blocking=False)
        except Timeout as exc:
            raise BulkError(f"Another command is making {output}.") from exc
    if not restart:
        try:
            _check(output, path, read(path), retry=retry)  # another command may have ended it meanwhile
        except BulkError:
            held.release()
            raise
    return path, held


def _check(output: Path, path: Path, note: Note | None, *, retry: bool) -> None:
    if retry:
        if note is None:
            raise BulkError(f"There is nothing to ask again: no run of {output} with failed rows is in {path.name}.")
    elif output.exists() and (note is None or note.finished):
        failed = f" Of its rows {note.num_failed} failed; --retry-failed asks again what failed." if note else ""
        raise BulkError(f"{output} exists already.{failed} Give another -o, or --restart to make it anew.")


def read(path: Path) -> Note | None:
    """The note in a folder; None if there is no run in it. Raises BulkError for one that is not understood."""
    note = path / "run.json"
    with as_bulk_error(note, "read"):
        if not note.exists():
            return None
        text = note.read_bytes()
    try:
        known: dict[str, Any] = json.loads(text)
        if known.pop("version") != VERSION:
            raise BulkError(f"{path} was made by another version of Caravan. Give --restart to begin anew.")
        return Note(**known)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BulkError(f"{note} cannot be read. Give --restart to begin anew.") from exc


def write(path: Path, note: Note) -> None:
    """Replace the note in a folder."""
    with as_bulk_error(path, "write", resumes=True), replacing(path / "run.json") as file:
        file.write(json.dumps({"version": VERSION, **asdict(note)}, indent=2).encode())


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
