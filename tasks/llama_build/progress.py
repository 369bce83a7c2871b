"""How far a build is, read from what pip and Ninja print: one line in place, or a line every ten seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TextIO

SECONDS_BETWEEN_LINES = 10.0

STEP = re.compile(r"^\s*\[(\d+)/(\d+)\] ")
STAGES = (
    ("Collecting ", "fetching its source"),
    ("Installing build dependencies", "fetching what builds it"),
    ("*** Configuring CMake", "configuring"),
    ("*** Making wheel", "packing"),
)
"""What pip 23 and scikit-build-core 1 say when they begin something, and what it is."""


class Progress:
    """Tells on a stream how far a build is. Lines of the build go to `read`; call `tick` a few times a second."""

    def __init__(self, what: str, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._stream, self._clock = what, stream, clock
        self._started = clock()
        self._in_place = stream.isatty()
        self._stage, self._written_at, self._width = "starting", self._started, 0
        self.beside = ""

    def read(self, line: str) -> None:
        """Learn from a line of the build's output."""
        if step := STEP.match(line):
            self._stage = f"step {step[1]} of {step[2]}"
            return
        for start, stage in STAGES:
            if line.strip().startswith(start):
                self._stage = stage

    def tick(self) -> None:
        """Write, if it is time to."""
        if self._in_place:
            self._write(end="")
        elif self._clock() - self._written_at >= SECONDS_BETWEEN_LINES:
            self._write(end="\n")

    def end(self, words: str) -> None:
        """Write a last line: what came of it, and how long it took."""
        self._put(f"{self._what}: {words} after {self._elapsed()}", end="\n")

    def _write(self, end: str) -> None:
        beside = f" ({self.beside})" if self.beside else ""
        self._put(f"{self._what}: {self._stage}, {self._elapsed()}{beside}", end=end)
        self._written_at = self._clock()

    def _put(self, text: str, end: str) -> None:
        start = "\r" if self._in_place else ""
        wiped = " " * (self._width - len(text))
        self._stream.write(f"{start}{text}{wiped}{end}")
        self._stream.flush()
        self._width = len(text) if self._in_place else 0

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(self._clock() - self._started), 60)
        return f"{minutes}:{seconds:02}"
