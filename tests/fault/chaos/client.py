"""A client as a careful one is written: it asks again until it is answered, and goes on where its stream broke."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support import sse
from tests.support.sse import Received

PAUSE_SECONDS = 0.2
POLL_SECONDS = 5
MOST_SURPRISES = 10


class GaveUp(Exception):
    """Raised when the run is over and an answer has not come."""


@dataclass(slots=True)
class Seen:
    """What a watcher was shown, over all its connections.

    `first_token_at` has the monotonic time of the first token under each fence.
    """

    events: list[Received] = field(default_factory=list)
    reconnects: int = 0
    first_token_at: dict[int, float] = field(default_factory=dict)

    @property
    def cursor(self) -> str:
        return self.events[-1].id if self.events else ""

    def add(self, event: Received) -> None:
        self.events.append(event)
        if event.event == "token":
            self.first_token_at.setdefault(int(event.id.partition("-")[0]), time.monotonic())


class Client:
    """Asks the web programs in turn. Used by one thread; `http` is shared.

    Args:
        over: set when it is no use to wait any longer.
    """

    def __init__(self, http: httpx.Client, urls: Collection[str], *, rng: random.Random, over: threading.Event) -> None:
        self._http = http
        self._over = over
        self._urls = itertools.cycle(rng.sample(list(urls), len(urls)))
        self.surprises: list[str] = []
        """Answers that are neither what was asked for nor a 503."""

    def submit(self, body: Mapping[str, Any], key: str) -> str:
        """Repeat a request until it is accepted; the job's id."""
        answer = self._ask("POST", "/jobs", expect={200, 202}, json=body, headers={"Idempotency-Key": key})
        return str(answer.json()["id"])

    def cancel(self, job_id: str) -> bool:
        """Whether it was this that ended the job. False as well if an earlier try did, whose answer was lost."""
        return self._ask("POST", f"/jobs/{job_id}/cancel", expect={200, 409}).status_code == 200

    def ended(self, job_id: str) -> dict[str, Any] | None:
        """The job when it has ended; None if there is none of that id."""
        while True:
            answer = self._ask("GET", f"/jobs/{job_id}", expect={200, 404}, params={"wait": POLL_SECONDS})
            if answer.status_code == 404:
                return None
            job: dict[str, Any] = answer.json()
            if job["status"] not in ("queued", "running"):
                return job

    def follow(self, job_id: str, seen: Seen) -> Iterator[Received]:
        """The events of a job to its end, over as many connections as it takes."""
        while True:
            self._check()
            try:
                for event in self._events(job_id, seen.cursor):
                    seen.add(event)
                    yield event
                    if event.event == "done":
                        return
            except _NothingMore:
                return
            except httpx.HTTPError:
                pass
            seen.reconnects += 1
            self._pause()

    def _events(self, job_id: str, cursor: str) -> Iterator[Received]:
        headers = {"Last-Event-ID": cursor} if cursor else {}
        with self._http.stream("GET", f"{next(self._urls)}/jobs/{job_id}/events", headers=headers) as answer:
            if answer.status_code in (204, 404):
                raise _NothingMore
            if answer.status_code == 200:
                yield from sse.parse(self._while_running(answer.iter_lines()))
            elif answer.status_code != 503:
                self._wonder("GET events", answer.status_code, answer.read().decode(errors="replace"))

    def _ask(self, method: str, path: str, *, expect: Collection[int], **options: Any) -> httpx.Response:
        while True:
            self._check()
            try:
                answer = self._http.request(method, next(self._urls) + path, **options)
            except httpx.HTTPError:
                self._pause()
                continue
            if answer.status_code in expect:
                return answer
            if answer.status_code != 503:
                self._wonder(f"{method} {path}", answer.status_code, answer.text)
            self._pause()

    def _wonder(self, call: str, status: int, text: str) -> None:
        self.surprises.append(f"{call}: {status} {text[:300]}")
        if len(self.surprises) >= MOST_SURPRISES:
            raise GaveUp(self.surprises[-1])

    def _while_running(self, lines: Iterable[str]) -> Iterator[str]:
        """A stream that goes on for ever has a heartbeat now and then."""
        for line in lines:
            self._check()
            yield line

    def _pause(self) -> None:
        self._over.wait(PAUSE_SECONDS)

    def _check(self) -> None:
        if self._over.is_set():
            raise GaveUp("the run is over")


class _NothingMore(Exception):
    """Raised when the server says that there is nothing after the cursor, or no such job."""
