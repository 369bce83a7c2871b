"""Following a job by its stream and its doorbell, whatever comes between the two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis

from app.jobs.follow import follow
from app.services.services import Services
from tasks.ledger import event_stream
from tasks.records.event import Cursor, Event
from tasks.records.job import JobStatus

QUEUED = Event(Cursor(1, 0), "status", status="queued")
RUNNING = Event(Cursor(2, 0), "status", status="running")
CANCELLED = Event(Cursor(4, 0), "done", status="cancelled")
AGAIN = Event(Cursor(5, 0), "status", status="queued")
Look = tuple[JobStatus | None, list[Event]] | Exception


def told(monkeypatch: pytest.MonkeyPatch, *, looks: list[Look], rings: list[list[Event]]) -> list[str]:
    """What a reader is told, if the stream is found like this, one look after the other, and the bell rings so."""
    found, bell = iter(looks), iter(rings)

    @contextmanager
    def subscribe(_: str) -> Iterator[Any]:
        yield SimpleNamespace(get=lambda _: next(bell))

    def look(*_: Any, **__: Any) -> Any:
        each = next(found)
        if isinstance(each, Exception):
            raise each
        return each

    monkeypatch.setattr(event_stream, "look", look)
    monkeypatch.setattr(event_stream, "tell_followed", lambda *_: None)
    monkeypatch.setattr("app.jobs.follow.PAUSE_SECONDS", 0)
    services = SimpleNamespace(hub=SimpleNamespace(subscribe=subscribe), redis=None)
    events = follow(cast("Services", services), "j1", silence_seconds=1)
    return [event.type if event.type == "silence" else event.status for event in events]


def test_what_the_bell_tells_again_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Look] = [(JobStatus.RUNNING, [QUEUED, RUNNING]), (JobStatus.CANCELLED, [CANCELLED])]
    assert told(monkeypatch, looks=looks, rings=[[RUNNING], [CANCELLED]]) == ["queued", "running", "cancelled"]


def test_an_end_behind_a_gap_is_told_though_the_job_runs_again_and_its_stream_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[Look] = [(JobStatus.QUEUED, [QUEUED]), (JobStatus.QUEUED, [AGAIN])]
    assert told(monkeypatch, looks=looks, rings=[[CANCELLED]]) == ["queued", "cancelled"]


def test_a_job_that_is_gone_ends_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, looks=[(JobStatus.QUEUED, [QUEUED]), (None, [])], rings=[[]]) == ["queued", "silence"]


def test_while_redis_is_away_there_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Look] = [redis.ConnectionError(), (JobStatus.CANCELLED, [QUEUED, CANCELLED])]
    assert told(monkeypatch, looks=looks, rings=[]) == ["silence", "queued", "cancelled"]
