"""A part of an answer as it is told: without the blanks that only separate it from other parts."""

from __future__ import annotations

from tasks.answers.source import BLANKS, Sink, nowhere


class Text:
    """Hands text on, but holds back blanks at its end: they belong to it only if more of it comes.

    Args:
        sink: what takes the text.
        starts_after: whether something stands before it, so that blanks at its beginning are no part of it.
        on_write: is told of all that is written.
    """

    def __init__(self, sink: Sink, *, starts_after: bool = False, on_write: Sink | None = None) -> None:
        self._sink, self._after = sink, starts_after
        self._on_write = on_write or nowhere
        self._blanks: list[str] = []
        self._begun = self._is_last = False

    def write(self, text: str) -> None:
        self._on_write(text)
        if self._after:
            text = text.lstrip(BLANKS)
            self._after = not text
        body = text if self._is_last else text.rstrip(BLANKS)
        if body:
            self._sink("".join((*self._blanks, body)))
            self._blanks.clear()
            self._begun = True
        if len(body) < len(text):
            self._blanks.append(text[len(body) :])

    def interrupt(self) -> None:
        """Something else comes. Of the blanks around it, those before stay if the text both began and goes on."""
        if not self._begun:
            self._blanks.clear()
        self._after = True

    def settle(self) -> None:
        """Nothing else will come, so that blanks are the text's own."""
        self._is_last = True
        self.end()

    def end(self) -> None:
        """No more of it comes, and nothing else."""
        if self._blanks and not self._after:
            self._sink("".join(self._blanks))
            self._blanks.clear()
