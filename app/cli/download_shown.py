"""A download's progress: a bar on a terminal, else a line for each tenth. On standard error: the path is the answer."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from tasks.byte_sizes import size
from tasks.models.hub import Progress
from tasks.texts import printable

STEPS = 10


class DownloadShown(Progress):
    """Shows how far a model's download is, for as long as the block runs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._step = 0
        console = Console(stderr=True)
        columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Bar(TextColumn("{task.description}", markup=False), *columns, console=console, transient=True)
        self._is_terminal = console.is_terminal
        self._task = self._bar.add_task(name, total=None, visible=False)

    def __enter__(self) -> Self:
        if self._is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        if self._is_terminal:
            self._bar.stop()

    def advanced(self, done: int, total: int) -> None:
        if self._is_terminal:
            self._bar.update(self._task, completed=done, total=total or None, visible=True)
        elif total and (step := done * STEPS // total) > self._step:
            self._step = step
            self._say(f"{step * 100 // STEPS}% of {size(total)}")

    def waits(self, file: str) -> None:
        self._say(f"another process downloads {file}: waiting for it")

    def resumed(self, file: str, done: int) -> None:
        self._say(f"{file} goes on after {size(done)}")

    def cut(self, file: str, why: str) -> None:
        self._say(f"the connection was cut, and is tried again ({printable(why)[:200]})")

    def _say(self, words: str) -> None:
        if self._is_terminal:
            self._bar.console.print(f"{self._name}: {words}", markup=False, highlight=False)
        else:
            click.echo(f"{self._name}: {words}", err=True)
