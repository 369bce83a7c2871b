"""What programs write into their logs, as far as whoever started them is to see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.up.log_files import LogFile
from app.cli.up.log_lines import Line, Reader
from tasks.logs.repeats import MOST_LINES, Repeats, redis_away

SETTLE_SECONDS = 2.0
"""Redis is told to be back when no program has missed it for so long."""


@dataclass(slots=True)
class _Log:
    file: LogFile
    reader: Reader = field(default_factory=Reader)


class LogTail:
    """Follows the logs under a folder.

    Args:
        tell: is given the lines to show, with the program's name before them.
        verbose: whether that is every line, or errors alone. Trouble that was told already is counted.
    """

    def __init__(
        self, folder: Path, tell: Callable[[str], None], *, verbose: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._verbose = verbose
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        self._repeats = Repeats(SETTLE_SECONDS, None if verbose else MOST_LINES)

    def open(self, name: str) -> LogFile:
        """The log of a program, followed from now on. Raises OSError."""
        self._logs[name] = _Log(LogFile(self._folder / f"{name}.log"))
        return self._logs[name].file

    def path(self, name: str) -> Path:
        return self._logs[name].file.path

    def tend(self) -> None:
        """Show what is new, and put aside what has grown long."""
        for name, log in self._logs.items():
            for raw in (*log.file.new_lines(), *log.file.rotate()):
                for line in log.reader.read(raw):
                    self._see(name, line, self._clock())
        for count in self._repeats.counts(self._clock()):
            self._tell(count)

    def _see(self, name: str, line: Line, now: float) -> None:
        away = redis_away(line.text) if line.is_trouble else ""
        if line.says_redis_answers:
            self._repeats.redis_answers()
        elif not line.is_trouble:
            if self._verbose:
                self._tell(f"{name}: {line.text}")
        elif (self._verbose or line.is_error or away) and self._repeats.is_new(line.text, now, of=name):
            self._tell(f"{name}: Redis does not answer: {away}" if away else f"{name}: {line.text}")
