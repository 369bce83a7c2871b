"""Streams by their conversations, as llama-server has them: read on, stop, look for some."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.access.holding import holds
from app.access.scopes import counts_as_read
from app.bodies.sampling import StreamOptions
from app.bodies.validation import validate
from app.endpoints.llama_server.streams.body import LookupBody
from app.endpoints.llama_server.streams.wire import FoundStream
from app.endpoints.openai.call import frames, frames_so_far
from app.endpoints.openai.conversation import checked
from app.http import query, sse
from app.http.json_body import read_json
from app.http.turns import in_turns
from app.jobs.follow import follow
from app.jobs.waiting import name_job
from app.services.services import services
from tasks.errors import InvalidRequest, JobConflict, JobNotFound
from tasks.ledger import event_stream
from tasks.ledger.connection import as_broker_errors
from tasks.ledger.conversations import ConversationStream
from tasks.records.job import Job

blueprint = Blueprint("streams", __name__)

LONGEST_STREAM = 999_999_999
TURN = 8


@blueprint.get("/v1/stream")
@holds()
def resume() -> Response:
    """Read a conversation's stream from a byte on: what is there, then what comes. Leaving it cancels nothing."""
    name, first = _named(), query.integer("from", 0, 0, LONGEST_STREAM)
    stream = services().conversations.find(caller().owner, name)
    job = services().ledger.jobs.get(stream.job_id) if stream else None
    if stream is None or job is None:
        raise JobNotFound("This conversation has no stream: none was begun with this X-Conversation-Id, or it is over.")
    name_job(job.id)
    made = frames(services(), job, follow(services(), job.id), _options(stream), keeps_alive=False)
    return sse.respond(_behind(made, first))


@blueprint.delete("/v1/stream")
def stop() -> Response:
    """Cancel a conversation's job, if it has not ended, and keep its stream no longer."""
    name, owner = _named(), caller().owner
    if stream := services().conversations.find(owner, name):
        with contextlib.suppress(JobNotFound, JobConflict):
            services().queue.cancel(stream.job_id, owner=owner)
        with as_broker_errors():
            services().conversations.forget(owner, name)
    return Response(status=204)


@blueprint.post("/v1/streams/lookup")
@counts_as_read
def lookup() -> Response:
    """Tell which of some conversations have a stream."""
    body, owner = validate(LookupBody, read_json()), caller().owner
    found: dict[str, ConversationStream] = {}
    for name in dict.fromkeys(filter(None, body.conversation_ids)):
        found |= services().conversations.of_all_models(owner, name)
    jobs = services().ledger.jobs.get_whole(stream.job_id for stream in found.values())
    there = zip(found.items(), jobs, strict=True)
    return jsonify([_found(name, stream, job) for (name, stream), job in there if job is not None])


def _named() -> str:
    name = checked(request.args.get("conv_id", ""), "conv_id")
    if not name:
        raise InvalidRequest("conv_id is missing: it is what X-Conversation-Id was.", param="conv_id")
    return name


def _options(stream: ConversationStream) -> StreamOptions:
    return StreamOptions(include_usage=stream.include_usage, continuous_usage_stats=stream.continuous_usage)


def _behind(made: Iterable[str], first: int) -> Iterator[bytes]:
    """The bytes of some frames, but the first ones."""
    for frame in made:
        told = frame.encode()
        if rest := told[first:]:
            yield rest
        first = max(0, first - len(told))


def _found(name: str, stream: ConversationStream, job: Job) -> FoundStream:
    return {
        "conversation_id": name,
        "is_done": job.status.ended,
        "total_bytes": _size(job, stream),
        "started_at": int(job.created_at or 0),
        "completed_at": int(job.finished_at or 0),
    }


def _size(job: Job, stream: ConversationStream) -> int:
    """Bytes that there are of a stream by now."""
    events, options = iter(event_stream.read(services().redis, job.id)), _options(stream)
    made = frames(services(), job, events, options) if job.status.ended else frames_so_far(job, events, options)
    return sum(len(frame.encode()) for frame in in_turns(made, TURN))


BLUEPRINTS = (blueprint,)
