"""The answers so far, in the order of their rows: one line each in a file that only grows.

What `append` has returned from is on the disk. A line that was being written when all ended is no line: it is cut off
at the next start, with all behind it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from app.bulk.answer import Answer, line, read_line
from app.bulk.errors import as_bulk_error


@dataclass(slots=True)
class Tally:
    """What a journal adds up to."""

    num_rows: int = 0
    num_failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_failure: str = ""
    """The first row that failed, counted from 1, and why."""

    def add(self, answer: Answer) -> None:
        self.num_rows += 1
        if answer.failed and not self.num_failed:
            self.first_failure = f"row {self.num_rows}: {answer.code}: {answer.message.rstrip('.')}."
        self.num_failed += answer.failed
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens


class Journal:
    """Opened for one writer; see `as_bulk_error` for what it raises."""

    def __init__(self, path: Path, file: BinaryIO, tally: Tally, size: int) -> None:
        self.path = path
        self.tally = tally
        self._file = file
        self._size = size

    @classmethod
    def open(cls, path: Path) -> Self:
        """A journal, made if there is none, after what of it is whole."""
        tally, size = Tally(), 0
        with as_bulk_error(path, "open", resumes=True):
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
            for answer, length in _whole(file):
                tally.add(answer)
                size += length
            file.truncate(size)
            file.seek(size)
        return cls(path, file, tally, size)

    def append(self, first: int, answers: Sequence[Answer]) -> None:
        """Write the answers of the next rows, `first` and those after it, and see them on the disk."""
        assert first == self.tally.num_rows, "no row is left out"
        lines = [line(row, answer) for row, answer in enumerate(answers, first)]
        with as_bulk_error(self.path, "write", resumes=True):
            try:
                self._file.write(b"".join(lines))
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError:
                self._drop()
                raise
        self._size += sum(map(len, lines))
        for answer in answers:
            self.tally.add(answer)

    def take_back(self, num_rows: int) -> None:
        """Forget the answers of the last rows: they are asked again when the run goes on."""
        kept = self.tally.num_rows - num_rows
        tally, size = Tally(), 0
        with as_bulk_error(self.path, "write", resumes=True):
            self._file.seek(0)
            for answer, length in _whole(self._file):
                if tally.num_rows == kept:
                    break
                tally.add(answer)
                size += length
            self.tally, self._size = tally, size
            self._file.truncate(size)
            self._file.seek(size)
            os.fsync(self._file.fileno())

    def read(self) -> Iterator[Answer]:
        """All answers, in the order of their rows."""
        return read_answers(self.path)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what of it counts has been synced
            self._file.close()

    def _drop(self) -> None:
        """Undo a write that failed as far as the disk lets us; the next start does it otherwise."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file.fileno(), self._size)


def read_answers(path: Path) -> Iterator[Answer]:
    """The whole lines of a file of answers; none, if it is not there."""
    with as_bulk_error(path, "read", resumes=True), contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for answer, _ in _whole(file):
            yield answer


def _whole(file: BinaryIO) -> Iterator[tuple[Answer, int]]:
    """The answers up to the first line that is not whole, and the lengths of their lines."""
    for row, text in enumerate(file):
        answer = read_line(text, row)
        if answer is None:
            return
        yield answer, len(text)
