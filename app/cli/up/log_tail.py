"""What programs write into their logs, as far as whoever started them is to see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.up.log_files import LogFile
from app.cli.up.log_lines import Pace, Reader


@dataclass(slots=True)
class _Log:
    file: LogFile
    reader: Reader = field(default_factory=Reader)
    pace: Pace = field(default_factory=Pace)


class LogTail:
    """Follows the logs under a folder.

    Args:
        tell: is given the lines to show, with the program's name before them.
        verbose: whether that is every line, or an error now and then.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None], *, verbose: bool) -> None:
        self._folder = folder
        self._tell = tell
        self._verbose = verbose
        self._logs: dict[str, _Log] = {}

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
                    if self._verbose or (line.is_error and log.pace.may_say(line.text, time.monotonic())):
                        self._tell(f"{name}: {line.text}")
