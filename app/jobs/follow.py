"""Following a job: what is in its stream already, then what comes, each event once and in order."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.services.services import Services
from app.services.stream_hub import Missed, Subscription
from tasks.ledger import event_stream, redis_keys
from tasks.ledger.connection import UNAVAILABLE
from tasks.logs import get_logger
from tasks.records.event import START, Cursor, Event
from tasks.records.job import Job, JobStatus

PAUSE_SECONDS = 0.5
RELOAD_TRIES = 20

log = get_logger(__name__)


def follow(
    services: Services, job: Job, *, after: Cursor = START, silence_seconds: float | None = None
) -> Iterator[Event | None]:
    """The events of a job after a cursor, up to the end; None for each time of silence, so that a caller can act.

    While Redis is away there is silence, and then the stream goes on where it was.
    """
    silence_seconds = silence_seconds or services.settings.heartbeat_seconds
    with services.hub.subscribe(job.id) as subscription:
        cursor, heard = after, list[Event]()
        while True:
            try:
                status = services.redis.hget(
                    redis_keys.job(job.id), "status"
                )  # before the stream, which `done` ends with it
                events = event_stream.read(services.redis, job.id, after=cursor)
            except UNAVAILABLE:
                yield None
                time.sleep(PAUSE_SECONDS)
                continue
            if heard and not (events and events[0].cursor <= heard[0].cursor):
                yield heard[0]  # the job is run again already, and the stream that had this end is gone
                return
            for event in events:
                cursor = event.cursor
                yield event
                if event.type == "done":
                    return
            if not events and (status is None or JobStatus(str(status)).ended):
                return
            for live in _live(subscription, cursor, silence_seconds, heard):
                cursor = live.cursor if live else cursor
                yield live
                if live and live.type == "done":
                    return


def _live(
    subscription: Subscription, cursor: Cursor, silence_seconds: float, heard: list[Event]
) -> Iterator[Event | None]:
    """What the doorbell tells, as long as it leaves no gap; after one silence the stream is looked at again.

    An end that was heard behind a gap is put into `heard`.
    """
    while True:
        try:
            events = subscription.get(silence_seconds)
        except Missed:
            return
        if not events:
            yield None
            return
        for event in events:
            if event.cursor <= cursor:
                continue
            if not cursor.precedes(event.cursor):
                heard += [event] if event.type == "done" else []
                return
            cursor = event.cursor
            yield event


def reload(services: Services, job: Job) -> Job:
    """The job as it is now, or as it was if it is gone. Waits for Redis, some seconds at most."""
    for _ in range(RELOAD_TRIES):
        try:
            return services.ledger.jobs.get(job.id) or job
        except UNAVAILABLE:
            time.sleep(PAUSE_SECONDS)
    return services.ledger.jobs.get(job.id) or job
