"""Reading a job's stream as an EventSource does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx


class Received(NamedTuple):
    id: str
    event: str
    data: dict[str, Any]


def read(http: httpx.Client, job_id: str, *, after: str = "") -> Iterator[Received]:
    """The events of a job up to its end."""
    headers = {"Last-Event-ID": after} if after else {}
    with http.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
        assert response.status_code == 200
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Received(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
                fields = {}


def text(events: list[Received], index: int = 0) -> str:
    """The text of one choice."""
    return "".join(e.data["text"] for e in events if e.event == "token" and e.data["index"] == index)
