"""What is said of a cluster that is away, where a short absence is none."""

from __future__ import annotations

import sys

import click

from tasks.errors import CaravanError

TOLD_AT = 3
"""The failure in a row that is told: a process that dies is replaced before."""
TOLD_SECONDS = 3.0
"""A wait of this length is told at once."""


class Waits:
    """Hears of each failure of a call, and tells on standard error what is waited for, once until it goes on."""

    def __init__(self) -> None:
        self._num_failures = 0
        self._is_told = False
        self.within_line = False
        """Whether a line of the answer has begun; what is told stands on a line of its own."""

    def __call__(self, error: CaravanError, seconds: float) -> None:
        self._num_failures += 1
        if not self._is_told and (self._num_failures >= TOLD_AT or seconds >= TOLD_SECONDS):
            self._is_told = True
            begin = "\n" if self.within_line and sys.stderr.isatty() else ""
            self.within_line = self.within_line and not begin
            click.echo(f"{begin}{error.message} Trying again; Ctrl-C gives up.", err=True)

    def go_on(self) -> None:
        """Something came: what fails from now on is a new failure."""
        self._num_failures, self._is_told = 0, False
