"""A terminal for a program: what stands on its screen. `python -m tests.support.terminal` shows `caravan up` on one."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.processes import COMMAND
from tests.support.redis_server import free_port
from tests.support.waiting import until

ROWS, COLUMNS = 40, 100
_SEQUENCE = re.compile(rb"\x1b\[([?0-9;]*)([A-Za-z])|[^\x1b\r\n]+|\r|\n|\x1b.?", re.DOTALL)


class Screen:
    """As much of a terminal as rich's live lines need: up, erase a line, return."""

    def __init__(self) -> None:
        self._lines = [""]
        self._row = self._column = 0

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._lines]

    def feed(self, output: bytes) -> None:
        for match in _SEQUENCE.finditer(output):
            whole, (argument, kind) = match[0], match.groups()
            if whole == b"\n":
                self._row += 1
                self._lines += [""] * (self._row + 1 - len(self._lines))
            elif whole == b"\r":
                self._column = 0
            elif kind == b"A":
                self._row -= int(argument or b"1")
            elif kind == b"K":
                self._lines[self._row] = ""
            elif kind is None and not whole.startswith(b"\x1b"):
                text, line = whole.decode(errors="replace"), self._lines[self._row].ljust(self._column)
                self._lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
                self._column += len(text)


class Terminal:
    """Runs a program on a terminal of its own."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, columns: int = COLUMNS) -> None:
        self.screen = Screen()
        self.seen: list[list[str]] = []
        """Each screen that was to be seen."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self.process = subprocess.Popen(
            argv, env={**_surroundings(), "TERM": "xterm", **env}, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
            preexec_fn=_control,
        )  # fmt: skip
        os.close(slave)

    def shows(self, text: str) -> bool:
        """Whether a text stands on the screen by now."""
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                self.screen.feed(os.read(self._master, 65536))
            except OSError:  # nobody writes any more
                break
            self.seen.append(self.screen.lines)
        return any(text in line for line in self.screen.lines)

    def type(self, text: str) -> None:
        """As somebody at the keyboard does."""
        os.write(self._master, text.encode())

    def ended(self) -> int:
        """The exit status of a program that ends by itself."""
        until(lambda: self.shows("\0") or self.process.poll() is not None, seconds=60, what="it ends")
        self.shows("\0")
        os.close(self._master)
        return self.process.wait()

    def stop(self) -> int:
        """As Ctrl-C does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.ended()


def _surroundings() -> dict[str, str]:
    """Our own variables, but for those that would tell a program of another terminal's size."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


def _control() -> None:
    """Make the terminal that of the program, so that Ctrl-C typed there is a signal to it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main() -> None:
    """Print the screen of a start, as README has it: the ports are those that stand there."""
    with tempfile.TemporaryDirectory() as folder:
        ports = {"8000": str(free_port()), "5555": str(free_port())}
        options = ["--port", ports["8000"], "--flower-port", ports["5555"]]
        terminal = Terminal([sys.executable, *COMMAND, "up", *options], env={}, cwd=Path(folder))
        until(lambda: terminal.shows("The capital of France is"), seconds=120, what="the first answer")
        shown = "\n".join(terminal.screen.lines).rstrip()
        terminal.stop()
    for usual, port in ports.items():
        shown = shown.replace(f":{port}", f":{usual}")
    print(f"$ caravan up\n{shown}")  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
