"""Reading a job's stream: pub/sub is the doorbell, the stream is the memory."""

from __future__ import annotations

import json
from typing import cast

import redis

from tasks.ledger import redis_keys
from tasks.records.event import START, Cursor, Event

PAGE = 1000


def read(client: redis.Redis, job_id: str, *, after: Cursor = START) -> list[Event]:
    """All events of a job that come after a cursor, oldest first; empty if there are none or the job has expired."""
    events: list[Event] = []
    while True:
        page = cast(
            "list[tuple[str, dict[str, str]]]", client.xrange(redis_keys.log(job_id), min=f"({after}", count=PAGE)
        )
        events += [Event.decode(cursor, json.loads(entry["e"])) for cursor, entry in page]
        if len(page) < PAGE:
            return events
        after = events[-1].cursor
