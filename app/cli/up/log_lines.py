"""Lines of programs' logs as a person reads them, and which of them are errors (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.logs.console import sentence
from tasks.logs.repeats import REDIS_ANSWERS
from tasks.texts import printable

ERRORS = ("error", "critical")
LONGEST = 300
TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, readable."""

    text: str
    is_error: bool
    is_trouble: bool = False
    """A warning or worse."""
    says_redis_answers: bool = False


@dataclass(slots=True)
class Reader:
    """Reads one program's lines in turn. A traceback that is no event is told by its last line."""

    _in_traceback: bool = False

    def read(self, line: str) -> Iterator[Line]:
        """What a line is worth. One of a traceback is no error but for its last."""
        if event := _event(line):
            self._in_traceback = False
            level, answers = event.get("level"), event["event"] == REDIS_ANSWERS
            yield Line(_readable(event), level in ERRORS, level in (*ERRORS, "warning"), answers)
        elif line.strip():
            ends = self._in_traceback and not line.startswith((" ", TRACEBACK))
            self._in_traceback = not ends and (self._in_traceback or line.startswith(TRACEBACK))
            yield Line(printable(line[:LONGEST]), ends, ends)


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _readable(event: dict[str, Any]) -> str:
    """The event, its keys, and the last line of an exception."""
    return printable(sentence(event)[:LONGEST])
