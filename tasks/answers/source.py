"""Text that comes in pieces, for readers that are written as if they had all of it.

A reader is a generator: it yields when what it has does not decide, and goes on when there is more. So what it finds
cannot depend on how the text was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Final, TypeVar

T = TypeVar("T")
Wait = Generator[None, None, T]
"""A reader that gives a `T` in the end."""

Sink = Callable[[str], object]
"""Takes text as it is read."""

BLANKS: Final = " \t\r\n"
_SOLID: Final = re.compile(rf"[^{BLANKS}]")
_NEVER: Final = re.compile(r"(?!)")


class Source:
    """What has come of a text and was not read yet. It keeps little: readers take what they have seen."""

    def __init__(self, on_take: Sink | None = None) -> None:
        """`on_take` is told of all that is taken."""
        self._on_take = on_take or nowhere
        self._text, self._at, self._ended = "", 0, False
        self._held: list[str] | None = None

    def add(self, text: str) -> None:
        """More has come."""
        self._text, self._at = self._text[self._at :] + text, 0

    def end(self) -> None:
        """No more will come."""
        self._ended = True

    def hold(self) -> None:
        """From here on, keep what is taken until `release`."""
        self._held = []

    def release(self) -> str:
        """What was taken since `hold`; nothing if it was released already."""
        held, self._held = self._held, None
        return "".join(held or ())

    @property
    def held(self) -> str:
        """What was taken since `hold`, if it was not released."""
        return "".join(self._held or ())

    def take(self, count: int = 1) -> str:
        """The next characters, which have come."""
        piece = self._text[self._at : self._at + count]
        self._at += len(piece)
        self._on_take(piece)
        if self._held is not None:
            self._held.append(piece)
        return piece

    def peek(self) -> Wait[str]:
        """The next character; "" at the end."""
        while self._at == len(self._text) and not self._ended:
            yield
        return self._text[self._at : self._at + 1]

    def ahead(self, literal: str) -> Wait[bool]:
        """Whether this comes next; waits only while it may be."""
        while not (here := self._text.startswith(literal, self._at)):
            rest = self._text[self._at : self._at + len(literal)]
            if self._ended or not literal.startswith(rest):
                break
            yield
        return here

    def skip(self, literal: str) -> Wait[bool]:
        """Take this if it comes next; whether it did."""
        found = yield from self.ahead(literal)
        if found:
            self.take(len(literal))
        return found

    def run(self, stop: re.Pattern[str], sink: Sink) -> Wait[str]:
        """Hand on what comes before a character that `stop` matches. That character, not taken; "" at the end."""
        while True:
            match = stop.search(self._text, self._at)
            if piece := self.take((match.start() if match else len(self._text)) - self._at):
                sink(piece)
            if match:
                return match.group()
            if self._ended:
                return ""
            yield

    def rest(self, sink: Sink) -> Wait[None]:
        """Hand on all that is left."""
        yield from self.run(_NEVER, sink)

    def skip_blanks(self) -> Wait[None]:
        yield from self.run(_SOLID, nowhere)

    def until(self, literal: str, sink: Sink) -> Wait[bool]:
        """Hand on what comes before a literal, which is not taken; whether it came."""
        first = re.compile(re.escape(literal[0]))
        while (yield from self.run(first, sink)):
            if (yield from self.ahead(literal)):
                return True
            sink(self.take())
        return False


def nowhere(text: str) -> None:
    """For what nobody wants to have."""
