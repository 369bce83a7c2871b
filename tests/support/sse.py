"""Reading a job's stream as an EventSource does."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

import httpx


class Received(NamedTuple):
    id: str
    event: str
    data: dict[str, Any]


def read(http: httpx.Client, job_id: str, *, after: str = "") -> Generator[Received]:
    """The events of a job up to its end."""
    headers = {"Last-Event-ID": after} if after else {}
    with http.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
        response.raise_for_status()
        assert response.status_code == 200
        yield from parse(response.iter_lines())


def parse(lines: Iterable[str]) -> Iterator[Received]:
    """Server-sent events; one that is cut is dropped, as the standard asks."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Received(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


def watch(url: str, job_id: str, *, at_once: int = 10_000) -> list[Received]:
    """All events of a job. Every so many of them the reader hangs up, and comes back with the last one's id."""
    events: list[Received] = []
    with httpx.Client(base_url=url, timeout=60) as http:
        while not events or events[-1].event != "done":
            after = events[-1].id if events else ""
            try:
                with closing(read(http, job_id, after=after)) as stream:
                    events.extend(islice(stream, at_once))
            except httpx.HTTPStatusError as exc:
                if exc.response.status_code != 503:
                    raise
                time.sleep(0.2)
    return events


def text(events: list[Received], index: int = 0) -> str:
    """The text of one choice."""
    return "".join(e.data["text"] for e in events if e.event == "token" and e.data["index"] == index)
