"""How a start is shown: lines that change in place on a terminal, else a line for each change."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol, TextIO

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.cli.table import LEAST_CUT, fitted
from app.cli.up.parts import Part, lines

STATE_WIDTH = 24
"""Columns of the screen beside a name that is too long for it: so many that its state is seen."""
COLOURS = {"starting": "yellow", "loading": "yellow", "ready": "green", "failed": "bold red", "asleep": "cyan"}


class Display(Protocol):
    """Where the parts, what there is to say below them, and what happens meanwhile are shown."""

    def show(self, parts: Sequence[Part]) -> None:
        """The parts as they are now."""

    def add(self, *texts: str) -> None:
        """Lines below the parts, for good."""

    def tell(self, text: str) -> None:
        """Something that has happened."""

    def note(self, text: str) -> None:
        """Something that happens all the time."""

    def end(self) -> None:
        """The start is over: what is shown stays as it is. May be called again."""


class Plain:
    """A line for each part whenever its state has changed.

    Args:
        say: is given what is shown.
        tell: is given what happens meanwhile.
    """

    def __init__(self, say: Callable[[str], None] = click.echo, tell: Callable[[str], None] | None = None) -> None:
        self._shown: dict[str, str] = {}
        self._say = say
        self._tell = tell or functools.partial(click.echo, err=True)

    def show(self, parts: Sequence[Part]) -> None:
        for part in lines(parts):
            if self._shown.get(part.name) != part.state:
                self._shown[part.name] = part.state
                self._say(f"{part.name:<{_width(parts)}}  {part.text}")

    def add(self, *texts: str) -> None:
        for text in texts:
            self._say(text)

    def tell(self, text: str) -> None:
        self._tell(text)

    def note(self, text: str) -> None:
        self._say(text)

    def end(self) -> None:
        """Nothing is kept open."""


class Quiet:
    """Trouble alone: parts that fail, and what is told."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def show(self, parts: Sequence[Part]) -> None:
        failed = {part.name: part.text for part in parts if part.state == "failed"}
        for name in failed.keys() - self._failed:
            self.tell(f"{name} {failed[name]}")
        self._failed = set(failed)

    def add(self, *texts: str) -> None:
        """Nobody asked."""

    def tell(self, text: str) -> None:
        click.echo(text, err=True)

    def note(self, text: str) -> None:
        """Nobody asked."""

    def end(self) -> None:
        """Nothing is kept open."""


class Both:
    """Two displays that show the same."""

    def __init__(self, *displays: Display) -> None:
        self._displays = displays

    def show(self, parts: Sequence[Part]) -> None:
        for each in self._displays:
            each.show(parts)

    def add(self, *texts: str) -> None:
        for each in self._displays:
            each.add(*texts)

    def tell(self, text: str) -> None:
        for each in self._displays:
            each.tell(text)

    def note(self, text: str) -> None:
        for each in self._displays:
            each.note(text)

    def end(self) -> None:
        for each in self._displays:
            each.end()


class InPlace:
    """Lines of a terminal that change where they stand."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._parts: Sequence[Part] = ()
        self._below: list[str] = []

    def show(self, parts: Sequence[Part]) -> None:
        if list(parts) != list(self._parts):
            failed = [part for part in parts if part.state == "failed" and part not in self._parts]
            self._parts = list(parts)
            self._draw()
            for part in failed:  # its line is cut at the edge
                self.tell(f"{part.name} {part.text}")

    def add(self, *texts: str) -> None:
        self._below += texts
        self._draw()

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self.tell(text)

    def end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        width = _width(self._parts)
        shown = [_line(part, width, self._console.width) for part in lines(self._parts)]
        below = [Text(text, no_wrap=True, overflow="ellipsis") for text in self._below]
        self._live.update(Group(*shown, *below), refresh=True)


def display(*, verbose: bool, quiet: bool = False, log_file: TextIO | None = None) -> Display:
    """Lines that change in place where that can be seen, and is not lost among others.

    Args:
        quiet: show trouble alone.
        log_file: where all is written as well, a line each with its time.
    """
    in_place = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not verbose
    shown: Display = Quiet() if quiet else InPlace(Console(highlight=False)) if in_place else Plain()
    return Both(shown, _recorded(log_file)) if log_file else shown


def _recorded(file: TextIO) -> Display:
    def write(text: str) -> None:
        with suppress(OSError):  # a full disk is no reason to stop what runs
            if text:
                print(f"{datetime.now().astimezone().isoformat(timespec='seconds')}  {text}", file=file, flush=True)

    return Plain(write, write)


def _line(part: Part, width: int, columns: int) -> Text:
    state, rest = part.text[: len(part.state)], part.text[len(part.state) :]
    colour = COLOURS[part.state]
    width = min(width, max(LEAST_CUT, columns - STATE_WIDTH))
    name = fitted(part.name, width)
    return Text.assemble(f"  {name:<{width}}  ", (state, colour), rest, no_wrap=True, overflow="ellipsis")


def _width(parts: Sequence[Part]) -> int:
    return max((len(part.name) for part in lines(parts)), default=0)
