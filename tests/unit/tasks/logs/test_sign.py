"""The event by which a process says that Redis is back."""

from __future__ import annotations

import threading

import pytest
import redis
import structlog

from tasks.logs.repeats import REDIS_ANSWERS
from tasks.queue import sweep


def test_the_sweep_says_once_that_redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()
    came = iter([redis.ConnectionError("away"), redis.ConnectionError("away"), None, None])

    def tick(_: object) -> None:
        error = next(came, StopIteration)
        if error is StopIteration:
            stopping.set()
        elif error is not None:
            raise error

    monkeypatch.setattr(sweep, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(sweep.Sweeper, "tick", tick)
    with structlog.testing.capture_logs() as logged:
        object.__new__(sweep.Sweeper).run(stopping)
    assert [event["event"] for event in logged] == ["sweep put off", "sweep put off", REDIS_ANSWERS]
