"""How a start is shown: lines that change in place on a terminal, else a line for each change."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.cli.up.parts import Part, lines

COLOURS = {"starting": "yellow", "loading": "yellow", "ready": "green", "failed": "bold red"}


class Display(Protocol):
    """Where the parts, what there is to say below them, and what happens meanwhile are shown."""

    def show(self, parts: Sequence[Part]) -> None:
        """The parts as they are now."""

    def add(self, *texts: str) -> None:
        """Lines below the parts, for good."""

    def tell(self, text: str) -> None:
        """Something that has happened."""

    def end(self) -> None:
        """The start is over: what is shown stays as it is. May be called again."""


class Plain:
    """A line for each part whenever its state has changed."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def show(self, parts: Sequence[Part]) -> None:
        for part in lines(parts):
            if self._shown.get(part.name) != part.state:
                self._shown[part.name] = part.state
                click.echo(f"{part.name:<{_width(parts)}}  {part.text}")

    def add(self, *texts: str) -> None:
        for text in texts:
            click.echo(text)

    def tell(self, text: str) -> None:
        click.echo(text, err=True)

    def end(self) -> None:
        """Nothing is kept open."""


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

    def end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        width = _width(self._parts)
        shown = [_line(part, width) for part in lines(self._parts)]
        below = [Text(text, no_wrap=True, overflow="ellipsis") for text in self._below]
        self._live.update(Group(*shown, *below), refresh=True)


def display(*, verbose: bool) -> Display:
    """Lines that change in place where that can be seen, and is not lost among others."""
    in_place = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not verbose
    return InPlace(Console(highlight=False)) if in_place else Plain()


def _line(part: Part, width: int) -> Text:
    state, rest = part.text[: len(part.state)], part.text[len(part.state) :]
    colour = COLOURS[part.state]
    return Text.assemble(f"  {part.name:<{width}}  ", (state, colour), rest, no_wrap=True, overflow="ellipsis")


def _width(parts: Sequence[Part]) -> int:
    return max((len(part.name) for part in lines(parts)), default=0)
