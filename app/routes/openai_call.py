"""What ``/v1/chat/completions`` and ``/v1/completions`` share: submit a job, then answer as OpenAI does."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from flask import Response, after_this_request, jsonify, stream_with_context

from app import openai, sse
from app.follow import follow, reload
from app.intake import build_job, has_idempotency_key, idempotency, read_json, validate
from app.routes.jobs import find
from app.schemas.chat import ChatBody
from app.schemas.completions import CompletionBody
from app.services import Services, services
from tasks.errors import CaravanError, JobConflict, JobTimeout, from_wire
from tasks.events import Event
from tasks.jobs import Job, JobStatus, Operation

JOB_HEADER = "X-Job-Id"


def answer(schema: type[ChatBody] | type[CompletionBody]) -> Response:
    """Run the request's body as a job; its result, or its stream."""
    sent = read_json()
    body = validate(schema, sent)
    job = find(services().submitter.submit(build_job(body), idempotency=idempotency(sent)))
    _name_job(job)
    if not body.stream:
        return _result(job)
    return _stream(job, include_usage=body.include_usage, cancel=not has_idempotency_key())


def _name_job(job: Job) -> None:
    """Have the response name its job, be it an answer or an error."""

    @after_this_request
    def send(response: Response) -> Response:
        response.headers[JOB_HEADER] = job.id
        return response


def _result(job: Job) -> Response:
    for event in follow(services(), job):
        if event and event.type == "done":
            break
    job = find(job.id)
    if job.outcome is None:
        raise failure(job)
    return jsonify(openai.result(job))


def failure(job: Job) -> CaravanError:
    """The error of a job that ended without a result."""
    if job.status is JobStatus.FAILED and job.error:
        return from_wire(dict(job.error))
    if job.status is JobStatus.EXPIRED:
        return JobTimeout("The job's timeout ran out before it ended.")
    return JobConflict(f"Job '{job.id}' is {job.status}.", code=f"job_{job.status}")


def _stream(job: Job, *, include_usage: bool, cancel: bool) -> Response:
    """Stream a job. When its reader goes away it is cancelled, unless a key lets another request take it up.

    Headers are held back until its first token, so that a refused prompt can still be a 400.
    """
    events = follow(services(), job)
    head = _until_token(events)
    if head and head[-1] and head[-1].type == "done":
        ended = find(job.id)
        if ended.outcome is None:
            raise failure(ended)
    frames = _frames(services(), job, itertools.chain(head, events), include_usage=include_usage, cancel=cancel)
    return sse.respond(stream_with_context(frames))


def _until_token(events: Iterator[Event | None]) -> list[Event | None]:
    """What comes up to the first token, the end, or the first long silence."""
    head = []
    for event in events:
        head.append(event)
        if event is None or event.type != "status":
            break
    return head


def _frames(
    to: Services, job: Job, events: Iterator[Event | None], *, include_usage: bool, cancel: bool
) -> Iterator[str]:
    """A reader that goes away closes this generator: nobody waits for the job any more."""
    begun: set[int] = set()
    ended = False
    try:
        for event in events:
            if event is None:
                yield sse.HEARTBEAT
            elif event.type == "token":
                if event.index not in begun and job.operation is Operation.CHAT:
                    yield sse.frame(openai.role_chunk(job, event.index))
                begun.add(event.index)
                for chunk in openai.chunks(job, event):
                    yield sse.frame(chunk)
            elif event.type == "done":
                ended = True
        yield from _end(reload(to, job), include_usage=include_usage)
    finally:
        if cancel and not ended:
            _cancel(to, job)


def _end(job: Job, *, include_usage: bool) -> Iterator[str]:
    if job.outcome is None:
        yield sse.frame({"error": failure(job).to_wire()})
        return
    if include_usage:
        yield sse.frame(openai.usage_chunk(job, job.outcome))
    yield sse.DONE


def _cancel(to: Services, job: Job) -> None:
    with contextlib.suppress(CaravanError):  # it has ended meanwhile, or Redis is away and the job runs on
        to.submitter.cancel(job.id, owner=job.owner)
