"""The calls of an answer, told as they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.answers.deltas import Arguments, CallBegun
from tasks.answers.source import Source


class Calls:
    """The calls of one answer.

    Args:
        source: the answer. What it holds is dropped when a call begins, for then it was no text.
        functions: the functions that may be called by their names, and the JSON schemas of their arguments.
        tell: takes what is found.
    """

    def __init__(
        self,
        source: Source,
        functions: Mapping[str, Mapping[str, Any]],
        tell: Callable[[CallBegun | Arguments], None],
    ) -> None:
        self.source, self.functions = source, functions
        self._tell, self._count = tell, 0

    def begin(self, name: str) -> None:
        """A call, whatever comes now."""
        self.source.release()
        self._tell(CallBegun(self._count, name))
        self._count += 1

    def add_arguments(self, text: str) -> None:
        """More of the last call's arguments, as JSON text."""
        if text:
            self._tell(Arguments(self._count - 1, text))
