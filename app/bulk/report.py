"""Telling how far a run has come: a bar on a terminal, else a line now and then. All of it on standard error."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, Self

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.bulk.bar import duration, line
from app.bulk.state import State

LINE_SECONDS = 10.0
SPEED_SECONDS = 30.0
"""Over which the speed is measured."""


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
    """A line with a bar that changes in place, for people."""

    def __init__(self) -> None:
        self._speed = Speed()
        self._shown: tuple[State, float, float] | None = None
        self._console = Console(stderr=True)
        self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, state: State) -> None:
        self._shown = (state, *self._speed.see(state))
        self._live.start()  # the first time: before, there is no line to leave behind

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def _render(self) -> Text:
        if self._shown is None:
            return Text("")
        state, rows, tokens = self._shown
        return Text(line(state, rows=rows, tokens=tokens, width=self._console.width), no_wrap=True, overflow="crop")


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
        left = f", {duration((state.total - state.num_rows) / rows)} left" if rows else ""
        noun = "row" if state.total == 1 else "rows"
        self.say(
            f"{state.num_rows} of {state.total} {noun}, {rows:.1f} rows/s, {tokens:.0f} tokens/s, "
            f"{state.num_failed} failed{left}"
        )

    def say(self, text: str) -> None:
        click.echo(text, err=True)
