"""What is said of a cluster that is away while a command waits for it, where a short absence in an answer is none."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from tasks.errors import CaravanError

TOLD_AT = 3
"""The failure in a row that is told once an answer has begun: a process that dies is replaced before."""
TOLD_SECONDS = 3.0
"""A wait of this length is told at once."""


class Waits:
    """Hears of each failure of a call, and tells on standard error what is waited for.

    It tells so once, until it goes on or something else is waited for. What it tells never stands in the answer's line.
    """

    def __init__(
        self, what_follows: str, *, told_at: int = TOLD_AT, words: Callable[[CaravanError], str] | None = None
    ) -> None:
        """What holds until something of an answer has been shown.

        Args:
            told_at: the failure in a row that is told.
            words: how an error is told; by its message if left out.
        """
        self._what_follows = what_follows
        self._told_at, self._words = told_at, words
        self._told = ""
        self._num_failures = 0
        self._within_line = False

    def __call__(self, error: CaravanError, seconds: float) -> None:
        self._num_failures += 1
        is_due = self._told or self._num_failures >= self._told_at or seconds >= TOLD_SECONDS
        if is_due and error.message != self._told:
            self._told = error.message
            if self._within_line and sys.stderr.isatty() and sys.stdout.isatty():
                self.end_line()
            told = self._words(error) if self._words else error.message
            click.echo(f"{told} {self._what_follows}", err=True)

    def go_on(self) -> None:
        """Something came: what fails from now on is a new failure."""
        self._num_failures, self._told = 0, ""

    def show(self, text: str) -> None:
        """Print a piece of an answer."""
        click.echo(text, nl=False)
        if text:
            self.go_on()
            self._told_at, self._words, self._within_line = TOLD_AT, None, not text.endswith("\n")

    def end_line(self) -> None:
        """Begin a new line, unless one begins already."""
        if self._within_line:
            click.echo()
        self._within_line = False
