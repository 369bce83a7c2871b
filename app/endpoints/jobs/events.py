"""The frames of ``GET /jobs/<id>/events``."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import cast

from flask import request

from app.endpoints.jobs.view import view
from app.endpoints.jobs.wire import StatusEvent, TokenEvent
from app.http import sse
from app.jobs.follow import follow, reload
from app.services.services import Services
from tasks.errors import InvalidRequest
from tasks.records.event import START, Cursor, Event
from tasks.records.job import Job


def cursor() -> Cursor:
    """The last event that the client saw; both places are read, and the header's counts. Raises InvalidRequest."""
    given = [_read(text) for text in (request.headers.get("Last-Event-ID"), request.args.get("after")) if text]
    return given[0] if given else START


def _read(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError as exc:
        raise InvalidRequest(f"'{text[:40]}' is not a cursor: send the id of an event.", param="after") from exc


def frames(to: Services, job: Job, after: Cursor | None) -> Iterator[str]:
    """The stream after a cursor, up to an end after which the job was not run again."""
    while after is not None:
        after = yield from _until_end(to, job, after)


def _until_end(to: Services, job: Job, after: Cursor) -> Generator[str, None, Cursor | None]:
    """The frames up to the job's end; returns that one's cursor, and no frame of it, if it was run again meanwhile."""
    for event in follow(to, job.id, after=after):
        if event.type == "silence":
            yield sse.HEARTBEAT
        elif event.type == "done":
            ended = reload(to, job)
            if ended.fence > event.cursor.fence:
                return event.cursor
            yield sse.frame(view(ended), event="done", cursor=str(event.cursor), whole=True)
        elif event.type == "status" or event.text:
            yield sse.frame(_data(event), event=event.type, cursor=str(event.cursor))
    return None


def _data(event: Event) -> StatusEvent | TokenEvent:
    if event.type == "token":
        return {"index": event.index, "text": event.text}
    told = {
        "status": event.status,
        "at": event.cursor.at,
        "worker": event.worker or None,
        "reason": event.reason or None,
    }
    return cast("StatusEvent", told)
