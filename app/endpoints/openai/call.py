"""What the ``/v1`` calls share: submit a job, then answer as OpenAI does."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from flask import Response, jsonify

from app.bodies.job import JobBody
from app.bodies.sampling import SamplingBody, StreamOptions
from app.bodies.validation import validate
from app.endpoints.openai import conversation
from app.endpoints.openai.chunks import Chunk, Chunks, usage_chunk
from app.endpoints.openai.result import result
from app.endpoints.openai.timings import timings
from app.http import sse
from app.http.json_body import read_json
from app.http.turns import aside
from app.jobs.follow import Silence, reload
from app.jobs.lookup import find
from app.jobs.submission import submit
from app.jobs.waiting import cancels_on_disconnect, name_job, run_to_end, streamed, wait_for_end
from app.services.services import Services, services
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job


def finished(schema: type[JobBody]) -> Job:
    """Run the request's body as a job that is never streamed; the job when it has succeeded."""
    sent = read_json()
    return run_to_end(sent, aside(validate, schema, sent))


def answer(schema: type[JobBody], sent: dict[str, Any] | None = None) -> Response:
    """Run a body as a job, the request's own if none is given; its result, or its stream."""
    sent = read_json() if sent is None else sent
    body = aside(validate, schema, sent)
    cancels, named = cancels_on_disconnect(), conversation.asked()
    taken = submit(sent, body)
    name_job(taken.id)
    if not (isinstance(body, SamplingBody) and body.stream):
        return jsonify(result(wait_for_end(taken.id, cancels=cancels)))
    job, options = taken.job or find(taken.id), body.stream_options or StreamOptions()
    if named:
        conversation.begin(named, job, options)
    return sse.respond(
        streamed(
            job,
            lambda events: frames(services(), job, events, options, keeps_alive=not named),
            cancels=cancels and not named,
        )
    )


def frames(
    to: Services, job: Job, events: Iterator[Event | Silence], options: StreamOptions, *, keeps_alive: bool = True
) -> Iterator[str]:
    """The frames of a job's stream, which are the same whenever they are made.

    Args:
        keeps_alive: whether comments show in a long silence that the stream is alive.
    """
    last = yield from frames_so_far(job, events, options, keeps_alive=keeps_alive)
    yield _end(reload(to, job), last, include_usage=options.include_usage)


def frames_so_far(
    job: Job, events: Iterator[Event | Silence], options: StreamOptions, *, keeps_alive: bool = False
) -> Generator[str, None, Chunk | None]:
    """The frames of some events; returns the chunk that is held back, since the last one tells figures."""
    chunks = Chunks(job, include_usage=options.include_usage, continuous_usage=options.continuous_usage_stats)
    last: Chunk | None = None
    for event in events:
        if event.type == "silence":
            if keeps_alive:
                yield sse.HEARTBEAT
        elif event.type == "progress":
            yield sse.frame(chunks.progress(event))
        elif event.type == "token":
            made = [*([last] if last is not None else []), *chunks.of(event)]
            last = made.pop() if made and chunks.complete else None
            if made:
                yield "".join(map(sse.frame, made))
    return last


def _end(job: Job, last: Chunk | None, *, include_usage: bool) -> str:
    """The last chunk, which was held back for the figures that it tells, and the end."""
    ended = [last] if last is not None else []
    if job.outcome is not None and include_usage:
        ended.append(usage_chunk(job, job.outcome))
    if job.outcome is not None and ended:
        ended[-1]["timings"] = timings(job.outcome)
    end = sse.DONE if job.outcome is not None else sse.frame({"error": failure(job).to_wire()})
    return "".join([*map(sse.frame, ended), end])
