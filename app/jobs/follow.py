"""Following a job: what is in its stream already, then what comes, each event once and in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.services.services import Services
from tasks.ledger import event_stream, redis_keys
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.stream_hub import Missed, Subscription
from tasks.ledger.until_answered import until_answered
from tasks.records.event import START, Cursor, Event
from tasks.records.job import Job, JobStatus

PAUSE_SECONDS = 0.5
RELOAD_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Silence:
    """Stands among a job's events for a time without any, so that a caller can act."""

    type: Literal["silence"] = "silence"


SILENCE = Silence()


def follow(
    services: Services, job_id: str, *, after: Cursor = START, silence_seconds: float | None = None
) -> Iterator[Event | Silence]:
    """The events of a job after a cursor, up to its end.

    While Redis is away there is silence, and then the stream goes on where it was.
    """
    return _Follower(services, job_id, after, silence_seconds or services.settings.heartbeat_seconds).events()


class _Follower:
    """One reader's way along one job's stream."""

    def __init__(self, services: Services, job_id: str, after: Cursor, silence_seconds: float) -> None:
        self._services = services
        self._job_id = job_id
        self._silence_seconds = silence_seconds
        self._cursor = after
        self._end: Event | None = None
        """The job's end, if the doorbell told it behind a gap."""

    def events(self) -> Iterator[Event | Silence]:
        told = False
        with self._services.hub.subscribe(redis_keys.event_channel(self._job_id)) as subscription:
            while True:
                try:
                    status, stored = event_stream.look(self._services.redis, self._job_id, after=self._cursor)
                    if status is JobStatus.RUNNING and not told:
                        event_stream.tell_followed(self._services.redis, self._job_id)
                        told = True
                except UNAVAILABLE:
                    yield SILENCE
                    time.sleep(PAUSE_SECONDS)
                    continue
                if self._end and not (stored and stored[0].cursor <= self._end.cursor):
                    yield self._end  # the job is run again already, and the stream that had this end is gone
                    return
                for each in stored:
                    self._cursor = each.cursor
                    yield each
                    if each.type == "done":
                        return
                if not stored and (status is None or status.ended):
                    return
                for live in self._live(subscription):
                    yield live
                    if live.type == "done":
                        return

    def _live(self, subscription: Subscription) -> Iterator[Event | Silence]:
        """What the doorbell tells, as long as it leaves no gap; after one silence the stream is looked at again."""
        while True:
            try:
                events = subscription.get(self._silence_seconds)
            except Missed:
                return
            if not events:
                yield SILENCE
                return
            for event in events:
                if event.cursor <= self._cursor:
                    continue
                if not self._cursor.precedes(event.cursor):
                    self._end = event if event.type == "done" else self._end
                    return
                self._cursor = event.cursor
                yield event


def reload(services: Services, job: Job) -> Job:
    """The job as it is now, or as it was if it is gone. Waits for Redis, some seconds at most."""
    return until_answered(lambda: services.ledger.jobs.get(job.id), seconds=RELOAD_SECONDS) or job
