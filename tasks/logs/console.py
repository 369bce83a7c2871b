"""Events as a person reads them in a terminal: one line each, with the process's name and short ids."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TextIO

from tasks.logs.repeats import REDIS_ANSWERS, Repeats, redis_away

LEFT_OUT = ("timestamp", "level", "logger", "event", "exception", "stack")
COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
PLAIN = "\x1b[0m"
SHORT = 8
"""Characters of an id: enough to tell jobs apart on a screen. The form for programs has whole ones."""
REMEDY = "Start it, or correct CARAVAN_REDIS_URL; until then this is tried again."
"""What to do about a Redis that does not answer, where somebody starts one program by itself."""

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}(?![0-9a-f])")


def sentence(event: Mapping[str, Any]) -> str:
    """The event, its keys, and the last line of an exception, on one line; ids are short."""
    keys = [f"{name}={value}" for name, value in event.items() if name not in LEFT_OUT and not name.startswith("_")]
    exception = str(event.get("exception") or "").strip().splitlines()[-1:]
    said = str(event.get("event", "")).replace("\\n", " ")
    return short(" ".join(" ".join([said, *keys, *exception]).split()))


def short(text: str) -> str:
    """The text with the beginnings of its ids."""
    return _ID.sub(lambda found: found[0][:SHORT], text)


def console_renderer(name: str, *, colours: bool, whole: bool) -> Callable[[Any, str, Mapping[str, Any]], str]:
    """Renders an event for structlog.

    Args:
        name: the process's.
        whole: whether a traceback follows its line.
    """

    def render(_: object, __: str, event: Mapping[str, Any]) -> str:
        level = str(event.get("level", "info"))
        shown = f"{level:<8}"
        if colours and level in COLOURS:
            shown = f"{COLOURS[level]}{shown}{PLAIN}"
        trace = f"\n{event['exception']}" if whole and event.get("exception") else ""
        return f"{_clock(event.get('timestamp'))} {shown} {name}: {sentence(event)}{trace}"

    return render


class Handler(logging.StreamHandler[TextIO]):
    """Writes lines of the console form; trouble that is told already is counted.

    It has no thread: processes are forked from ours. Counts are told with the next line, and at the end.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now, event = self._clock(), _event(record)
        if event.get("event") == REDIS_ANSWERS:
            self._repeats.redis_answers()
        elif record.levelno < logging.WARNING:
            super().emit(record)
        elif self._repeats.is_new(text := sentence(event), now):
            away = redis_away(text)
            super().emit(_made(record, f"Redis does not answer: {away.rstrip('.')}. {REMEDY}") if away else record)
        for count in self._repeats.counts(now):
            super().emit(_made(record, count))


def _event(record: logging.LogRecord) -> Mapping[str, Any]:
    """The event of a record, which structlog or somebody else has made."""
    return record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()}


def _made(like: logging.LogRecord, text: str) -> logging.LogRecord:
    return logging.LogRecord(like.name, logging.WARNING, like.pathname, like.lineno, text, None, None)


def _clock(timestamp: object) -> str:
    try:
        return datetime.fromisoformat(str(timestamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"
