"""llama-server's own calls: each runs its body as a job."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, jsonify, request, stream_with_context

from app.access.holding import holds
from app.bodies.validation import validate
from app.endpoints.llama_server.answers import Answers
from app.endpoints.llama_server.body import LlamaCompletionBody
from app.http import sse
from app.http.client_gone import watch
from app.http.json_body import read_json
from app.http.turns import aside
from app.jobs.follow import Silence, follow, reload
from app.jobs.lookup import find
from app.jobs.submission import submit
from app.jobs.waiting import begun, cancels_on_disconnect, closing, name_job, wait_for_end
from app.services.services import Services, services
from tasks.ledger import event_stream
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job

blueprint = Blueprint("llama_server", __name__)


@blueprint.post("/completion", endpoint="complete")
@blueprint.post("/completions", endpoint="complete_as_well")
@holds()
def complete() -> Response:
    """Continue a prompt, or each of several."""
    sent = read_json()
    body, cancels = aside(validate, LlamaCompletionBody, sent), cancels_on_disconnect()
    taken = submit(sent, body)
    name_job(taken.id)
    job = taken.job or find(taken.id)
    answers = Answers(job, streamed=bool(body.stream))
    if body.stream:
        frames = _frames(services(), job, begun(job, follow(services(), job.id)), answers, body)
        watched = watch(request.environ, cancels)
        return sse.respond(stream_with_context(closing(services(), job, frames, has_left=watched)))
    ended = wait_for_end(job.id, cancels=cancels)
    assert ended.outcome is not None
    for event in event_stream.read(services().redis, job.id):
        if event.type == "token":
            answers.take(event)
    made = answers.finished(ended.outcome, returns_tokens=body.return_tokens, fields=body.response_fields or ())
    return jsonify(made if len(made) > 1 else made[0])


def _frames(
    to: Services, job: Job, events: Iterator[Event | Silence], answers: Answers, body: LlamaCompletionBody
) -> Iterator[str]:
    for event in events:
        if event.type == "silence":
            yield sse.HEARTBEAT
        elif event.type == "token" and (piece := answers.take(event)):
            yield sse.frame(piece)
    ended = reload(to, job)
    if ended.outcome is None:
        yield sse.frame({"error": failure(ended).to_wire()})
        return
    for made in answers.finished(ended.outcome, fields=body.response_fields or ()):
        yield sse.frame(made)


BLUEPRINTS = (blueprint,)
