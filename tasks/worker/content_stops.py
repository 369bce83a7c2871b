"""Stop strings of an answer that may hold reasoning and calls: they are looked for in its content alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.answers.parser import answer_parser
from tasks.answers.spans import Spans
from tasks.answers.syntax import Syntax
from tasks.engine.stop_strings import StopStrings


class ContentStops(StopStrings):
    """As `StopStrings`, but a call or reasoning between two pieces of content keeps them apart.

    Args:
        request: the job's, whose answer is read as the front reads it.
        syntax: how the model writes after this prompt.
    """

    def __init__(self, stops: Sequence[str], request: Mapping[str, Any], syntax: Syntax) -> None:
        super().__init__(stops)
        self._spans = Spans()
        self._parser = answer_parser(request, syntax, spans=self._spans)

    def feed(self, text: str) -> str:
        self._parser.feed(text)
        return self._look()

    def flush(self) -> str:
        self._parser.finish()
        return self._look() + super().flush()

    def _look(self) -> str:
        shown = ""
        for span in self._spans.settled(self._parser.undecided):
            if self.stopped:
                break
            shown += super().feed(span.text) if span.is_content else super().flush() + span.text
        return shown
