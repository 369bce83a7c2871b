"""What the ``/v1`` calls share: submit a job, then answer as OpenAI does."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator

from flask import Response, after_this_request, jsonify, request, stream_with_context

from app import sse
from app.bodies import validate
from app.chunks import Chunks, usage_chunk
from app.disconnect import CONTINUES, watch
from app.follow import follow, reload
from app.intake import build_job, has_idempotency_key, read_json, submit
from app.results import result
from app.routes.jobs import find
from app.schemas.job_body import JobBody
from app.schemas.sampling import SamplingBody
from app.services import Services, services
from tasks.errors import CaravanError, InvalidRequest, JobConflict, JobTimeout, from_wire
from tasks.events import Event
from tasks.jobs import Job, JobStatus

JOB_HEADER = "X-Job-Id"
DISCONNECT_HEADER = "X-On-Disconnect"
SILENCE_SECONDS = 5.0
"""After so long without an event it is seen whether a waiting client is still there."""
LOOK_SECONDS = 1.0
"""With events it is seen so often."""


def answer(schema: type[JobBody]) -> Response:
    """Run the request's body as a job; its result, or its stream."""
    sent = read_json()
    body = validate(schema, sent)
    cancels = cancels_on_disconnect()
    job = find(submit(sent, lambda: build_job(body)))
    name_job(job)
    if isinstance(body, SamplingBody) and body.stream:
        return _stream(job, include_usage=body.include_usage, cancels=cancels)
    return jsonify(result(wait_for_end(job, cancels=cancels)))


def cancels_on_disconnect() -> bool:
    """Whether the job is to end with its client's connection. Not if a key lets another request take it up."""
    wish = request.headers.get(DISCONNECT_HEADER, "cancel").strip().lower()
    if wish not in ("cancel", CONTINUES):
        raise InvalidRequest(f"{DISCONNECT_HEADER} must be cancel or continue.", param=DISCONNECT_HEADER)
    return wish == "cancel" and not has_idempotency_key()


def name_job(job: Job) -> None:
    """Have the response name its job, be it an answer or an error."""

    @after_this_request
    def send(response: Response) -> Response:
        response.headers[JOB_HEADER] = job.id
        return response


def wait_for_end(job: Job, *, cancels: bool) -> Job:
    """The job when it has succeeded; raises its error if it ended otherwise. Cancels it when its client goes away."""
    has_left, looked = watch(request.environ, cancels), time.monotonic()
    for event in follow(services(), job, silence_seconds=SILENCE_SECONDS):
        if event and event.type == "done":
            break
        if event is None or time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            if has_left():
                cancel(services(), job)
    ended = find(job.id)
    if ended.outcome is None:
        raise failure(ended)
    return ended


def failure(job: Job) -> CaravanError:
    """The error of a job that ended without a result."""
    if job.status is JobStatus.FAILED and job.error:
        return from_wire(dict(job.error))
    if job.status is JobStatus.EXPIRED:
        return JobTimeout("The job's timeout ran out before it ended.")
    return JobConflict(f"Job '{job.id}' is {job.status}.", code=f"job_{job.status}")


def _stream(job: Job, *, include_usage: bool, cancels: bool) -> Response:
    """Stream a job, and cancel it when its reader goes away."""
    events = begun(job, follow(services(), job))
    frames = _frames(services(), job, events, include_usage=include_usage)
    return sse.respond(stream_with_context(closing(services(), job, frames, has_left=watch(request.environ, cancels))))


def begun(job: Job, events: Iterator[Event | None]) -> Iterator[Event | None]:
    """The events, once there is a token, the end or a long silence: a refused prompt can still be a 400 until then."""
    head = []
    for event in events:
        head.append(event)
        if event is None or event.type != "status":
            break
    if head and head[-1] and head[-1].type == "done":
        ended = find(job.id)
        if ended.outcome is None:
            raise failure(ended)
    return itertools.chain(head, events)


def closing(to: Services, job: Job, frames: Iterator[str], *, has_left: Callable[[], bool]) -> Iterator[str]:
    """The frames. If they are broken off because their reader went away, nobody waits for the job any more.

    A web process that stops breaks them off as well, with its reader still there: that job goes on.
    """
    ended = False
    try:
        yield from frames
        ended = True
    finally:
        if not ended and has_left():
            cancel(to, job)


def _frames(to: Services, job: Job, events: Iterator[Event | None], *, include_usage: bool) -> Iterator[str]:
    chunks = Chunks(job, include_usage=include_usage)
    for event in events:
        if event is None:
            yield sse.HEARTBEAT
        elif event.type == "token":
            for chunk in chunks.of(event):
                yield sse.frame(chunk)
    yield from _end(reload(to, job), include_usage=include_usage)


def _end(job: Job, *, include_usage: bool) -> Iterator[str]:
    if job.outcome is None:
        yield sse.frame({"error": failure(job).to_wire()})
        return
    if include_usage:
        yield sse.frame(usage_chunk(job, job.outcome))
    yield sse.DONE


def cancel(to: Services, job: Job) -> None:
    """Cancel a job for which nobody waits any more."""
    with contextlib.suppress(CaravanError):  # it has ended meanwhile, or Redis is away and the job runs on
        to.submitter.cancel(job.id, owner=job.owner)
