"""Jobs of responses, and what their workers make of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.endpoints.openai.responses.body import ResponseBody
from tasks.models.catalogue import ModelEntry
from tasks.records.event import Cursor, Event
from tasks.records.job import Job, JobStatus, Operation
from tasks.records.outcome import Choice, Outcome, Usage

ENTRY = ModelEntry(path="x", context=100, kv_tokens=100)
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
HERMES = "hermes,optional"
"""The syntax of a model that thinks between tags and writes calls as Hermes does."""


def response_job(*, metadata: dict[str, str] | None = None, **fields: Any) -> Job:
    """A queued response."""
    body = ResponseBody.model_validate({"model": "demo", "input": "Hello", "seed": 1, **fields})
    return Job(
        id="j1",
        model="demo",
        operation=Operation.RESPONSE,
        request=body.request(ENTRY),
        metadata=metadata or {},
        created_at=1700000000.75,
    )


def outcome(text: str, finish_reason: str = "stop", *, syntax: str = "") -> Outcome:
    choice = Choice(index=0, text=text, finish_reason=finish_reason)
    usage = Usage(prompt_tokens=5, completion_tokens=7, cached_tokens=3)
    return Outcome(choices=(choice,), usage=usage, syntax=syntax)


def status(value: JobStatus) -> Event:
    return Event(Cursor(1, 0), "done" if value.ended else "status", status=value)


def tokens(pieces: Iterable[str], finish_reason: str = "stop", *, syntax: str = "") -> list[Event]:
    """Token events for a text that comes in these pieces, the last one with its end."""
    *head, last = list(pieces)
    made = [Event(Cursor(1, 1), "token", text=text) for text in head]
    made.append(Event(Cursor(1, 1), "token", text=last, finish_reason=finish_reason))
    first = made[0]
    made[0] = Event(first.cursor, "token", text=first.text, finish_reason=first.finish_reason, syntax=syntax)
    return made
