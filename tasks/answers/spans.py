"""Which parts of a generated text are content: the text that a client is shown as the answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text as the model wrote it. What is no content is reasoning, a call or a marker."""

    text: str
    is_content: bool


class Spans:
    """Follows a parser: what it takes from the text, and what of that it writes as content."""

    def __init__(self) -> None:
        self._taken = ""
        self._spans: list[Span] = []

    def take(self, text: str) -> None:
        """The parser has read so much more."""
        self._taken += text

    def write(self, text: str) -> None:
        """The end of what was read is content."""
        before = len(self._taken) - len(text)
        self._add(self._taken[:before], is_content=False)
        self._add(text, is_content=True)
        self._taken = ""

    def settled(self, held: str) -> list[Span]:
        """The spans since the last call. What the parser holds may become content yet, and is left out."""
        decided = len(self._taken) - len(held)
        self._add(self._taken[:decided], is_content=False)
        self._taken = self._taken[decided:]
        spans, self._spans = self._spans, []
        return spans

    def _add(self, text: str, *, is_content: bool) -> None:
        if text:
            self._spans.append(Span(text, is_content))
