"""What Ollama's calls share that generate: run a body as a job, then answer with the whole or a line for each piece."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify

from app.access.caller import catalogue
from app.bodies.job import JobBody
from app.bodies.validation import validate
from app.endpoints.ollama import answers, ndjson
from app.endpoints.ollama.answers import Form, Pieces, Said
from app.endpoints.ollama.body import GenerateBody, OllamaChatBody
from app.endpoints.ollama.errors import told
from app.endpoints.ollama.names import as_ours
from app.http.turns import aside
from app.jobs.follow import Silence, reload
from app.jobs.lookup import find
from app.jobs.submission import submit
from app.jobs.urgency import asked_priority, asked_timeout
from app.jobs.waiting import cancels_on_disconnect, name_job, streamed, wait_for_end
from app.services.services import Services, services
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job


def generate(schema: type[OllamaChatBody | GenerateBody], sent: dict[str, Any], form: Form) -> Response:
    """Run a body as a job; its answer, or its stream. One that says nothing has its model loaded, and runs no job."""
    asked = as_ours(sent)
    body, name = aside(validate, schema, asked), str(sent.get("model", ""))
    cancels = cancels_on_disconnect()
    if body.is_empty:
        check_headers(body)
        return _load(body, form, name=name)
    taken = submit(sent, body)
    name_job(taken.id)
    if not body.stream:
        ended = wait_for_end(taken.id, cancels=cancels)
        assert ended.outcome is not None
        return jsonify(answers.whole(ended, ended.outcome, form, name=name))
    job = taken.job or find(taken.id)
    lines = streamed(job, lambda events: _lines(services(), job, events, form, name), cancels=cancels)
    return ndjson.respond(lines)


def check_headers(body: JobBody) -> None:
    """Raise InvalidRequest for headers of a job that are wrong, where nothing is asked and no job is run."""
    cancels_on_disconnect()
    asked_priority(body)
    asked_timeout(body)


def _load(body: OllamaChatBody | GenerateBody, form: Form, *, name: str) -> Response:
    """Have the model loaded. When it is unloaded is not a client's to say."""
    model = catalogue().asked(body.model, body.operation)
    if not body.unloads:
        services().queue.load(model)
    return jsonify(answers.empty(form, name=name, now=time.time(), reason="unload" if body.unloads else "load"))


def _lines(to: Services, job: Job, events: Iterator[Event | Silence], form: Form, name: str) -> Iterator[str]:
    pieces = Pieces(job, form, name=name)
    for event in events:
        if event.type == "silence":
            yield ndjson.line(pieces.piece(Said(), now=time.time()))
        elif event.type == "token" and (made := pieces.of(event, now=time.time())):
            yield "".join(map(ndjson.line, made))
    ended = reload(to, job)
    if ended.outcome is None:
        yield ndjson.line(told(failure(ended).to_wire()))
        return
    yield ndjson.line(answers.last_line(ended, ended.outcome, form, name=name), whole=True)
