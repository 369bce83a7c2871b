"""What programs say, in a file each.

A program writes into its file itself, and not into a pipe that we read: if we are killed, nobody reads on, and a
program that says something more on its way out would stop in the middle of it (docs/decisions/0029).
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 10 << 20
KEPT = 3
"""Files of one program, the one that is written included."""
AT_ONCE_BYTES = 1 << 20
LONGEST_LINE_BYTES = 64 << 10


class LogFile:
    """One program's. Lines that were there before are not read."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            self._offset = file.tell()
        self._begun = b""

    def open_to_write(self) -> int:
        """A descriptor for the program, which appends whatever becomes of the file meanwhile. The caller closes it."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def new_lines(self) -> list[str]:
        """The lines that have been finished since the last call; some of them, if there are many."""
        with suppress(OSError), self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._offset:  # emptied by somebody else
                self._offset, self._begun = 0, b""
            file.seek(self._offset)
            read = file.read(AT_ONCE_BYTES)
            self._offset += len(read)
            *lines, begun = (self._begun + read).split(b"\n")
            self._begun = begun[:LONGEST_LINE_BYTES]
            return [line.decode(errors="replace").rstrip("\r") for line in lines]
        return []

    def rotate(self) -> list[str]:
        """Put what is written aside once it is long; the lines that had not been read.

        The program keeps its descriptor, so the file is copied and emptied. What it writes between the two is lost:
        microseconds, once in ten megabytes.
        """
        unread: list[str] = []
        with suppress(OSError):
            if self.path.stat().st_size <= self._max_bytes:
                return []
            aside = [self.path.with_name(f"{self.path.name}.{number}") for number in range(1, KEPT)]
            for newer, older in zip(aside[-2::-1], aside[:0:-1], strict=True):
                if newer.exists():
                    newer.replace(older)
            shutil.copyfile(self.path, aside[0])
            while lines := self.new_lines():
                unread += lines
            os.truncate(self.path, 0)
            self._offset = 0
        return unread
