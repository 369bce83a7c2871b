"""What becomes of an earlier run of the same output: it goes on, its answers are kept for another, or it is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from app.bulk.answer import Answer, line
from app.bulk.errors import BulkError, as_bulk_error
from app.bulk.folder import Folder, Note, read, replacing, sync_folder, write
from app.bulk.journal import read_answers

POSITIONS = frozenset({"the input", "--limit", "--sample", "--schema"})
"""Where one of these has changed, an answer stays only if its row is seen to ask the same."""
MOST_NAMED = 5
"""Rows that a message names."""
NOT_KEPT: Final = "not_kept"
UNASKED = Answer(code=NOT_KEPT, message="")
"""Stands at the row of an answer that is not kept; nobody is told its code."""

Marks = Callable[[], Iterable[str]]
Withdraw = Callable[[bool], object]
"""Ends what a run has with the server. Told whether answers there may go, it raises BulkError if they may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the user wants of an earlier run: begin anew, ask its failed rows again, keep the answers that can be."""

    restart: bool = False
    retry: bool = False
    keep: bool = False


def begin(
    path: Path, held: FileLock, asked: Mapping[str, Any], will: Will,
    marks: Marks = tuple, *, withdraw: Withdraw = lambda _: None,
) -> Folder:  # fmt: skip
    """The run in a folder that is ours: the one that is there, or a new one, with the answers there that stay.

    Raises BulkError if answers would be lost unasked.

    Args:
        asked: what the answers depend on, by names that the user knows.
        marks: what each row asks now, see `Answer.asks`.
        withdraw: called before a new run takes the place of another.
    """
    note = None if will.restart else read(path)
    if note is None or (note.finished and not will.retry):
        withdraw(True)
        return _anew(path, held, asked)
    folder = Folder(path, note, held)
    changed = [name for name in {**note.asked, **asked} if note.asked.get(name) != asked.get(name)]
    retrying = note.retries and not note.finished
    if not changed and (not will.retry or retrying or not _failed(folder)):
        return folder
    whole = note.finished or note.retries
    older = _Older(folder, retry=will.retry, stays=whole and not POSITIONS.intersection(changed))
    good = [answer.fixed for answer in older if not answer.failed]
    if not good:
        withdraw(note.finished)
        return _anew(path, held, asked, retries=will.retry or retrying)
    if not all(good):
        _Change.of(older, marks()).check(path, changed, will)
    withdraw(note.finished)
    next_one = Note(run=uuid.uuid4().hex, asked=asked, number=note.number + 1, retries=will.retry or retrying)
    return _after(folder, next_one, held, older)


def kept(folder: Folder, done: int) -> Iterator[Answer]:
    """What was kept for the rows after so many."""
    return islice(read_answers(folder.kept), done, None)


def _failed(folder: Folder) -> bool:
    return any(answer.failed for answer in read_answers(folder.journal))


def _anew(path: Path, held: FileLock, asked: Mapping[str, Any], *, retries: bool = False) -> Folder:
    folder = Folder(path, Note(run=uuid.uuid4().hex, asked=asked, retries=retries), held)
    with as_bulk_error(path, "write"):
        (path / "run.json").unlink(missing_ok=True)
        sync_folder(path)
        folder.journal.unlink(missing_ok=True)
    write(path, folder.note)
    folder.clean(path / "input")
    return folder


def _after(folder: Folder, note: Note, held: FileLock, older: Iterable[Answer]) -> Folder:
    """The run that comes after one in the same folder: from the moment that its note is there."""
    made = Folder(folder.path, note, held)
    with as_bulk_error(made.kept, "write", resumes=True):
        with replacing(made.kept) as file:
            file.writelines(line(row, answer) for row, answer in enumerate(older))
        made.journal.unlink(missing_ok=True)
    write(made.path, note)
    made.clean(made.kept, made.path / "input")
    return made


@dataclass(frozen=True, slots=True)
class _Older:
    """The answers of a run, those that it had kept itself after its own, as another one may keep them.

    Args:
        retry: whether failed rows are asked again, and only they.
        stays: whether all rows had been asked, and each is where it was.
    """

    folder: Folder
    retry: bool
    stays: bool

    def __iter__(self) -> Iterator[Answer]:
        for answer in self._all():
            if answer.failed:
                yield UNASKED if self.retry else answer
            else:
                yield replace(answer, fixed=self.stays and (self.retry or answer.fixed))

    def _all(self) -> Iterator[Answer]:
        own = 0
        for answer in read_answers(self.folder.journal):
            own += 1
            yield answer
        yield from islice(read_answers(self.folder.kept), own, None)


@dataclass(slots=True)
class _Change:
    """What a change makes of the rows that were answered."""

    num_kept: int = 0
    num_anew: int = 0
    num_beyond: int = 0
    anew: list[int] = field(default_factory=list)
    """The first of those that would be asked anew, counted from 1."""

    @classmethod
    def of(cls, older: Iterable[Answer], marks: Iterable[str]) -> _Change:
        found, now = cls(), iter(marks)
        for row, answer in enumerate(older, 1):
            mark = next(now, None)
            if answer.failed:
                continue
            if mark is None:
                found.num_beyond += 1
            elif answer.fixed or answer.asks == mark != "":
                found.num_kept += 1
            else:
                found.num_anew += 1
                found.anew += [row] if len(found.anew) < MOST_NAMED else []
        return found

    def check(self, path: Path, changed: list[str], will: Will) -> None:
        """Raise BulkError if answers would be lost of which the user has not said so."""
        if will.keep or not self.num_anew + self.num_beyond:
            return
        raise BulkError(
            f"The run in {path.name} had other options or another input: {', '.join(changed)}. "
            f"Of the {_rows(self.num_kept + self.num_anew + self.num_beyond)} that it has answered, {self._told()}. "
            f"Undo the change to resume it. Or give {'--keep-answers to go on so, ' if self.num_kept else ''}"
            "--restart to ask all rows anew, or another -o to leave it as it is."
        )

    def _told(self) -> str:
        parts = [f"{self.num_kept} would be kept"] if self.num_kept else ["none would be kept"]
        if self.num_anew:
            more = ", ..." if self.num_anew > len(self.anew) else ""
            named = f" (row{'s' * (self.num_anew > 1)} {', '.join(map(str, self.anew))}{more})" if self.num_kept else ""
            parts.append(f"{self.num_anew} would be asked anew{named}")
        if self.num_beyond:
            parts.append(f"{self.num_beyond} would not be asked about any more")
        return " and ".join(parts) if len(parts) < 3 else f"{parts[0]}, {parts[1]} and {parts[2]}"


def _rows(number: int) -> str:
    return f"{number} row{'s' * (number != 1)}"
