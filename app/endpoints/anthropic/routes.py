"""Anthropic's Messages: each call runs its body as a job."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, jsonify

from app.access.holding import holds
from app.bodies.validation import validate
from app.endpoints.anthropic import errors as anthropic_errors
from app.endpoints.anthropic.body import CountTokensBody, MessagesBody
from app.endpoints.anthropic.events import MessageEvents
from app.endpoints.anthropic.message import message
from app.endpoints.anthropic.wire import MessageEvent
from app.endpoints.openai.call import finished
from app.http import sse
from app.http.json_body import read_json
from app.http.turns import aside
from app.jobs.follow import Silence, reload
from app.jobs.lookup import find
from app.jobs.submission import submit
from app.jobs.waiting import cancels_on_disconnect, name_job, streamed, wait_for_end
from app.services.services import Services, services
from tasks.errors import ModelUnavailable
from tasks.records.ending import failure
from tasks.records.event import Event
from tasks.records.job import Job

blueprint = Blueprint("messages", __name__)
anthropic_errors.install(blueprint)


@blueprint.post("/v1/messages")
@holds()
def create() -> Response:
    """Generate the next message of a conversation, in Anthropic's form."""
    sent = read_json()
    body, cancels = aside(validate, MessagesBody, sent), cancels_on_disconnect()
    taken = submit(sent, body)
    name_job(taken.id)
    if not body.stream:
        ended = wait_for_end(taken.id, cancels=cancels)
        assert ended.outcome is not None
        return jsonify(message(ended, ended.outcome, shows_thinking=body.shows_thinking))
    job = taken.job or find(taken.id)
    made = MessageEvents(job, shows_thinking=body.shows_thinking)
    return sse.respond(streamed(job, lambda events: _frames(services(), job, events, made), cancels=cancels))


@blueprint.post("/v1/messages/count_tokens")
@holds()
def count_tokens() -> Response:
    """Count the tokens of a conversation's prompt."""
    counted = finished(CountTokensBody).outcome
    if counted is None or "input_tokens" not in counted.data:
        raise ModelUnavailable("A worker of an older version, which counts no tokens, answered. Try again.")
    return jsonify(dict(counted.data))


def _frames(to: Services, job: Job, events: Iterator[Event | Silence], made: MessageEvents) -> Iterator[str]:
    for event in events:
        if event.type == "silence":
            yield _told(made.ping())
        elif event.type == "token" and (told := made.of(event)):
            yield _told(told)
    ended = reload(to, job)
    if ended.outcome is not None:
        yield _told(made.end(ended.outcome))
        return
    error = failure(ended)
    yield _told([anthropic_errors.answer(error.to_wire(), anthropic_errors.FORM.status(error.http_status))])


def _told(events: list[MessageEvent]) -> str:
    return "".join(sse.frame(event, event=event["type"]) for event in events)


BLUEPRINTS = (blueprint,)
