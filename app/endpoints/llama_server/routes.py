"""llama-server's own calls: each runs its body as a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from flask import Blueprint, Response, jsonify, request

from app.access.caller import catalogue
from app.access.holding import holds
from app.access.scopes import submits
from app.bodies.validation import validate
from app.endpoints.llama_server import props as shown
from app.endpoints.llama_server.answers import Answers
from app.endpoints.llama_server.body import (
    InfillBody,
    InputTokensBody,
    LlamaAnswerBody,
    LlamaCompletionBody,
    LlamaEmbeddingBody,
)
from app.endpoints.llama_server.wire import NoSlotIdle
from app.endpoints.openai.call import finished
from app.endpoints.openai.token_wire import TokenizerInfo
from app.endpoints.openai.vectors import vectors
from app.endpoints.tokens.body import TokenizerInfoBody
from app.http import sse
from app.http.json_body import read_json
from app.http.turns import aside
from app.jobs.follow import Silence, reload
from app.jobs.lookup import find
from app.jobs.submission import submit
from app.jobs.waiting import cancels_on_disconnect, name_job, streamed, wait_for_end
from app.services.services import Services, services
from tasks.ledger import event_stream, overview
from tasks.ledger.overview import WorkerOverview
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job, Operation

blueprint = Blueprint("llama_server", __name__)

MOST_WORKERS = 100
"""Whose slots are shown."""


@blueprint.post("/completion", endpoint="complete")
@blueprint.post("/completions", endpoint="complete_as_well")
@holds()
def complete() -> Response:
    """Continue a prompt, or each of several."""
    return _answered(LlamaCompletionBody)


@blueprint.post("/infill")
@holds()
def infill() -> Response:
    """Fill the gap between two texts."""
    return _answered(InfillBody)


def _answered(form: type[LlamaAnswerBody]) -> Response:
    sent = read_json()
    body, cancels = aside(validate, form, sent), cancels_on_disconnect()
    taken = submit(sent, body)
    name_job(taken.id)
    job = taken.job or find(taken.id)
    answers = Answers(job, streamed=bool(body.stream))
    if body.stream:
        frames = streamed(job, lambda events: _frames(services(), job, events, answers, body), cancels=cancels)
        return sse.respond(frames)
    ended = wait_for_end(job.id, cancels=cancels)
    assert ended.outcome is not None
    for event in event_stream.read(services().redis, job.id):
        if event.type == "token":
            answers.take(event)
    made = answers.finished(ended.outcome, returns_tokens=body.return_tokens, fields=body.response_fields or ())
    return jsonify(made if len(made) > 1 else made[0])


@blueprint.post("/v1/chat/completions/input_tokens")
@holds()
def input_tokens() -> Response:
    """How many tokens a chat's prompt has."""
    counted = finished(InputTokensBody).outcome
    assert counted is not None
    return jsonify({"object": "response.input_tokens", **counted.data})


@blueprint.post("/embedding", endpoint="embed")
@blueprint.post("/embeddings", endpoint="embed_as_well")
@holds()
def embed() -> Response:
    """Vectors of texts, as a list."""
    job = finished(LlamaEmbeddingBody)
    assert job.outcome is not None
    made = vectors(job, job.outcome)
    return jsonify([{"index": index, "embedding": each} for index, each in enumerate(made)])


@blueprint.get("/props")
@submits
@holds()
def props() -> Response:
    """A model's properties: its context, its slots, its chat template."""
    name, workers = _model()
    entry = catalogue()[name]
    info = services().tokenizer_infos.of(name, entry, workers, lambda: _tokenizer_info(name))
    return jsonify(shown.props(name, entry, workers, cast("TokenizerInfo | None", info)))


def _tokenizer_info(model: str) -> Mapping[str, Any] | None:
    taken = submit({"model": model}, TokenizerInfoBody(model=model))
    ended = wait_for_end(taken.id, cancels=True)
    return ended.outcome.data if ended.outcome else None


@blueprint.get("/slots")
def slots() -> Response:
    """The slots of a model's live workers. With ``fail_on_no_slot``, NoSlotIdle is raised if none is idle."""
    name, workers = _model()
    made = shown.slots(catalogue()[name], workers)
    if "fail_on_no_slot" in request.args and all(slot["is_processing"] for slot in made):
        raise NoSlotIdle(f"No slot of {name} is idle." if made else f"No worker serves {name}.")
    return jsonify(made)


def _model() -> tuple[str, list[WorkerOverview]]:
    """The model that a query names, and its live workers."""
    name = catalogue().asked(request.args.get("model", ""), Operation.COMPLETION)
    return name, overview.workers(services().redis, [name], most=MOST_WORKERS)


def _frames(
    to: Services, job: Job, events: Iterator[Event | Silence], answers: Answers, body: LlamaAnswerBody
) -> Iterator[str]:
    for event in events:
        if event.type == "silence":
            yield sse.HEARTBEAT
        elif event.type == "progress":
            yield sse.frame(answers.progressed(event))
        elif event.type == "token" and (pieces := answers.take(event)):
            yield "".join(map(sse.frame, pieces))
    ended = reload(to, job)
    if ended.outcome is None:
        yield sse.frame({"error": failure(ended).to_wire()})
        return
    for made in answers.finished(ended.outcome, fields=body.response_fields or ()):
        yield sse.frame(made)


BLUEPRINTS = (blueprint,)
