"""Telling how far a run has come: a bar on a terminal, else a line now and then. All of it on standard error."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_SECONDS = 10.0
SPEED_SECONDS = 30.0
"""Over which the speed is measured."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come."""

    num_rows: int
    total: int
    num_failed: int
    tokens: int


class Report(Protocol):
    """Where a run tells how it goes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, state: State) -> None:
        """How far it has come."""
        ...

    def say(self, text: str) -> None:
        """What it waits for."""
        ...


class Speed:
    """Rows and tokens a second, lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, State]] = deque()

    def see(self, state: State) -> tuple[float, float]:
        """Rows and tokens a second up to now."""
        now = self._clock()
        self._seen.append((now, state))
        while len(self._seen) > 2 and self._seen[1][0] < now - SPEED_SECONDS:
            self._seen.popleft()
        then, first = self._seen[0]
        seconds = now - then
        if not seconds:
            return 0.0, 0.0
        return (state.num_rows - first.num_rows) / seconds, (state.tokens - first.tokens) / seconds


class Bar:
    """A bar, for people."""

    def __init__(self) -> None:
        self._speed = Speed()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows  {task.fields[speed]}  {task.fields[failed]} failed"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=None, speed="", failed=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, state: State) -> None:
        rows, tokens = self._speed.see(state)
        speed = f"{rows:,.1f} rows/s  {tokens:,.0f} tokens/s"
        self._progress.update(
            self._task, completed=state.num_rows, total=state.total, speed=speed, failed=state.num_failed
        )

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)


class Lines:
    """Lines, for files."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._speed = Speed(clock)
        self._next = 0.0
        self._shown = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, state: State) -> None:
        rows, tokens = self._speed.see(state)
        if state.num_rows == self._shown or (self._clock() < self._next and state.num_rows < state.total):
            return
        self._shown = state.num_rows
        self._next = self._clock() + LINE_SECONDS
        left = f", {_duration((state.total - state.num_rows) / rows)} left" if rows else ""
        self.say(
            f"{state.num_rows} of {state.total} rows, {rows:.1f} rows/s, {tokens:.0f} tokens/s, "
            f"{state.num_failed} failed{left}"
        )

    def say(self, text: str) -> None:
        click.echo(text, err=True)


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
