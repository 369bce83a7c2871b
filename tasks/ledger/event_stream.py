"""Reading a job's stream: pub/sub is the doorbell, the stream is the memory."""

from __future__ import annotations

import json
from typing import cast

import redis

from tasks.ledger import redis_keys
from tasks.records.event import START, Cursor, Event
from tasks.records.job import JobStatus

PAGE = 1000
FOLLOWED = "followed "
"""What the bell tells before the id of a running job that somebody follows from now on."""


def look(client: redis.Redis, job_id: str, *, after: Cursor = START) -> tuple[JobStatus | None, list[Event]]:
    """A job's status, None if it is gone, and its events after a cursor.

    The status is the older of the two: a job that has ended has its end among the events, unless that was seen before.
    A job that waits for the first time has no stream yet: its event is made of its record.
    """
    status, fence = client.hmget(redis_keys.job(job_id), "status", "fence")
    events = read(client, job_id, after=after)
    if status is None:
        return None, events
    queued_at = Cursor(int(fence or 0), 0)
    if not events and status == JobStatus.QUEUED and after < queued_at:
        events = [Event(queued_at, "status", status=JobStatus.QUEUED.value)]
    return JobStatus(str(status)), events


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


def tell_followed(client: redis.Redis, job_id: str) -> None:
    """Tell a running job's worker that somebody reads from now on, so that it writes what it keeps."""
    model = client.hget(redis_keys.job(job_id), "model")
    if model is not None:
        client.publish(redis_keys.control_channel(str(model)), f"{FOLLOWED}{job_id}")
