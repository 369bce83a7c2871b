"""A client that waits for its job: until the end or along its stream, and what becomes of the job when it leaves."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, after_this_request, request, stream_with_context

from app.access.caller import caller
from app.bodies.job import JobBody
from app.http.client_gone import CONTINUES, watch
from app.jobs.follow import Silence, follow
from app.jobs.lookup import find
from app.jobs.submission import has_idempotency_key, submit
from app.jobs.until_ended import until_ended
from app.services.services import Services, services
from tasks.errors import CaravanError, InvalidRequest
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job

JOB_HEADER = "X-Job-Id"
DISCONNECT_HEADER = "X-On-Disconnect"
LOOK_SECONDS = 1.0
"""So often it is seen whether a client that waits for its job's end is still there."""


def cancels_on_disconnect() -> bool:
    """Whether the job is to end with its client's connection. Not if a key lets another request take it up."""
    wish = request.headers.get(DISCONNECT_HEADER, "cancel").strip().lower()
    if wish not in ("cancel", CONTINUES):
        raise InvalidRequest(f"{DISCONNECT_HEADER} must be cancel or continue.", param=DISCONNECT_HEADER)
    return wish == "cancel" and not has_idempotency_key()


def name_job(job_id: str) -> None:
    """Have the response name its job, be it an answer or an error."""

    @after_this_request
    def send(response: Response) -> Response:
        response.headers[JOB_HEADER] = job_id
        return response


def run_to_end(sent: dict[str, Any], body: JobBody) -> Job:
    """Run a body as a job that is not streamed; the job when it has succeeded, else its error is raised."""
    cancels = cancels_on_disconnect()
    taken = submit(sent, body)
    name_job(taken.id)
    return wait_for_end(taken.id, cancels=cancels)


def wait_for_end(job_id: str, *, cancels: bool) -> Job:
    """The job when it has succeeded; raises its error if it ended otherwise. Cancels it when its client goes away."""
    has_left = watch(request.environ, cancels)
    for _ in until_ended(services(), job_id, look_seconds=LOOK_SECONDS):
        if has_left():
            cancel(services(), job_id, owner=caller().owner)
    ended = find(job_id)
    if ended.outcome is None:
        raise failure(ended)
    return ended


def streamed(
    job: Job, make: Callable[[Iterator[Event | Silence]], Iterator[str]], *, cancels: bool, refuses: bool = True
) -> Iterator[str]:
    """The frames that are made of a job's events. Whoever reads them cancels the job by going away, if it `cancels`.

    Args:
        refuses: whether the call waits for the first token, so that it can still fail.
    """
    events = follow(services(), job.id)
    frames = make(_begun(job, events) if refuses else events)
    return stream_with_context(_closing(services(), job, frames, has_left=watch(request.environ, cancels)))


def _begun(job: Job, events: Iterator[Event | Silence]) -> Iterator[Event | Silence]:
    """The events, once the prompt is read, or at the end or a long silence: until then it can still be a 400."""
    head = []
    for event in events:
        head.append(event)
        if event.type in ("silence", "progress", "token"):
            break
        if event.type == "done" and (ended := find(job.id)).outcome is None:
            raise failure(ended)
    return itertools.chain(head, events)


def _closing(to: Services, job: Job, frames: Iterator[str], *, has_left: Callable[[], bool]) -> Iterator[str]:
    """The frames. If they are broken off because their reader went away, nobody waits for the job any more.

    A web process that stops breaks them off as well, with its reader still there: that job goes on.
    """
    ended = False
    try:
        yield from frames
        ended = True
    finally:
        if not ended and has_left():
            cancel(to, job.id, owner=job.owner)


def cancel(to: Services, job_id: str, *, owner: str) -> None:
    """Cancel a job for which nobody waits any more."""
    with contextlib.suppress(CaravanError):  # it has ended meanwhile, or Redis is away and the job runs on
        to.queue.cancel(job_id, owner=owner)
