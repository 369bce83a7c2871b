"""Clients that must not notice what happens to the containers: each submits jobs and follows their streams."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.sse import Received, read, text

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.3


def body(number: int) -> dict[str, Any]:
    """A job of some seconds; greedy, so that its text is known."""
    return {"model": "demo", "temperature": 0, "messages": [{"role": "user", "content": f"Count to {number % 7 + 6}."}]}


@dataclass(slots=True)
class Outcome:
    """What one client saw of one job: the id that was accepted, the text of its result, and that of its stream."""

    number: int
    job_id: str
    result: str
    streamed: str


@dataclass
class Load:
    """So many clients at any time, from `start` to `stop`."""

    url: str
    clients: int = 6
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Outcome]:
        """Take no more orders; the outcomes once all jobs have ended."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS * 2)
            assert not thread.is_alive(), "a job did not end"
        assert self.failures == []
        return self.outcomes

    def _client(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as http:
            while not self._stopping.is_set():
                try:
                    self.outcomes.append(order(http, number))
                except Exception as exc:
                    self.failures.append(f"client {number}: {exc!r}")
                    return
                number += self.clients


def order(http: httpx.Client, number: int) -> Outcome:
    """One job, from its acceptance to its end, over any number of broken connections."""
    key = str(uuid.uuid4())
    job = _insist(lambda: http.post("/jobs", json=body(number), headers={"Idempotency-Key": key}))
    events = follow(http, job["id"])
    ended = _insist(lambda: http.get(f"/jobs/{job['id']}", params={"wait": 30}))
    assert ended["status"] == "succeeded", ended
    return Outcome(number, job["id"], ended["result"]["choices"][0]["message"]["content"], text(events))


def follow(http: httpx.Client, job_id: str) -> list[Received]:
    """All events of a job's stream; a reader that is cut off comes back with the last one's id."""
    events: list[Received] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not events or events[-1].event != "done":
        assert time.monotonic() < deadline, f"the stream of {job_id} does not end"
        try:
            for event in read(http, job_id, after=events[-1].id if events else ""):
                events.append(event)  # noqa: PERF402 - what came before the cut is kept
        except (httpx.TransportError, httpx.HTTPStatusError, KeyError, ValueError):
            time.sleep(PAUSE_SECONDS)
    return events


def _insist(call: Callable[[], httpx.Response]) -> dict[str, Any]:
    """What is answered in the end, while the front or its Redis goes and comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            response = call()
            if response.status_code < 500:
                assert response.status_code in (200, 202), response.text
                found: dict[str, Any] = response.json()
                return found
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "the front does not come back"
        time.sleep(PAUSE_SECONDS)
