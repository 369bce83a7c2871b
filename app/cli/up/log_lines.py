"""Lines of programs' logs as a person reads them, and which of them are errors (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tasks.texts import printable

ERRORS = ("error", "critical")
LEFT_OUT = ("timestamp", "level", "logger", "event", "exception")
LONGEST = 300
TRACEBACK = "Traceback (most recent call last):"

FORGET_SECONDS = 600.0
"""After which the same error is said again."""
MOST_LINES, IN_SECONDS = 10, 300.0
"""Errors of one program that are said, at most."""

_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, readable."""

    text: str
    is_error: bool


@dataclass(slots=True)
class Reader:
    """Reads one program's lines in turn. A traceback that is no event is told by its last line."""

    _in_traceback: bool = False

    def read(self, line: str) -> Iterator[Line]:
        """What a line is worth. One of a traceback is no error but for its last."""
        if event := _event(line):
            self._in_traceback = False
            yield Line(_readable(event), event.get("level") in ERRORS)
        elif line.strip():
            ends = self._in_traceback and not line.startswith((" ", TRACEBACK))
            self._in_traceback = not ends and (self._in_traceback or line.startswith(TRACEBACK))
            yield Line(printable(line[:LONGEST]), ends)


@dataclass(slots=True)
class Pace:
    """How often the errors of one program are said: a program that fails for ever says the same for ever."""

    _said: dict[str, float] = field(default_factory=dict)

    def may_say(self, text: str, now: float) -> bool:
        """Whether this has not been said lately, numbers apart, and not much else has."""
        self._said = {each: at for each, at in self._said.items() if now - at < FORGET_SECONDS}
        gist = _NUMBER.sub("#", text)
        if gist in self._said or sum(now - at < IN_SECONDS for at in self._said.values()) >= MOST_LINES:
            return False
        self._said[gist] = now
        return True


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
    keys = [f"{name}={value}" for name, value in event.items() if name not in LEFT_OUT]
    exception = str(event.get("exception") or "").strip().splitlines()[-1:]
    return printable(" ".join(" ".join([str(event["event"]), *keys, *exception]).split())[:LONGEST])
