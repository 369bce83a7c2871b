"""``/v1/responses``: create, show, follow, cancel and delete responses. Each is a job."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from flask import Blueprint, Response, jsonify, request

from app.access.caller import caller
from app.access.holding import holds
from app.access.scopes import counts_as_read
from app.bodies.validation import validate
from app.endpoints.openai.responses import wire
from app.endpoints.openai.responses.body import Includable, ResponseBody
from app.endpoints.openai.responses.events import ResponseEvents
from app.endpoints.openai.responses.response import PREFIX, conversation, input_items, response
from app.endpoints.openai.responses.stream_wire import ResponseStreamEvent
from app.endpoints.openai.responses.wire import MOST_EVENTS, PAGE, DeletedResponse
from app.http import sse
from app.http.json_body import read_json
from app.http.paging import page
from app.http.query import array, choice, flag, integer
from app.http.turns import aside
from app.jobs.follow import Silence, follow, reload
from app.jobs.lookup import find as find_job
from app.jobs.submission import submit
from app.jobs.waiting import cancels_on_disconnect, name_job, streamed, wait_for_end
from app.services.services import Services, services
from tasks.errors import InvalidRequest, JobConflict, JobNotFound
from tasks.records.event import Event
from tasks.records.job import Job, JobStatus, Operation

blueprint = Blueprint("responses", __name__)


@blueprint.post("/v1/responses")
@holds()
def create() -> Response:
    """Create a response. In the background, the call returns at once."""
    sent = read_json()
    body = aside(validate, ResponseBody, sent)
    cancels = cancels_on_disconnect() and not body.background
    body.go_on_from(_earlier, _item)
    taken = submit(sent, body)
    name_job(taken.id)
    if not body.stream:
        accepted = (taken.job or find_job(taken.id)) if body.background else None
        return jsonify(response(accepted or wait_for_end(taken.id, cancels=cancels)))
    job = taken.job or find_job(taken.id)
    frames = partial(_frames, services(), job)
    return sse.respond(streamed(job, frames, cancels=cancels, refuses=not body.background))


@blueprint.get("/v1/responses/<response_id>")
@holds(lambda: "stream" in request.args)
def show(response_id: str) -> Response:
    """Show a response; with ``?stream=true`` its events after ``starting_after``."""
    job = _find(response_id)
    _check_include()
    flag("include_obfuscation")
    name_job(job.id)
    if not flag("stream"):
        if "starting_after" in request.args:
            raise InvalidRequest("starting_after needs stream=true.", param="starting_after")
        return jsonify(response(job))
    after = integer("starting_after", 0, 0, MOST_EVENTS) if "starting_after" in request.args else -1
    frames = _frames(services(), job, follow(services(), job.id), after=after)
    return sse.respond(frames)


@blueprint.post("/v1/responses/<response_id>/cancel")
@counts_as_read
def cancel(response_id: str) -> Response:
    """Cancel a background response. If it has ended, it is returned unchanged."""
    job = _find(response_id)
    if not job.request["response"]["background"]:
        raise InvalidRequest(
            "Only a background response can be cancelled: for others close the connection.", param="response_id"
        )
    with contextlib.suppress(JobConflict):
        services().queue.cancel(job.id, owner=job.owner)
    return jsonify(response(_find(response_id)))


@blueprint.delete("/v1/responses/<response_id>")
def delete(response_id: str) -> Response:
    """Remove a response and its job, whatever its status."""
    job = _find(response_id)
    services().queue.forget(job.id, owner=job.owner)
    deleted: DeletedResponse = {"id": response_id, "object": "response", "deleted": True}
    return jsonify(deleted)


@blueprint.get("/v1/responses/<response_id>/input_items")
def list_input_items(response_id: str) -> Response:
    """List a response's input, newest first unless ``?order=asc``."""
    items = input_items(_find(response_id))
    _check_include()
    after = request.args.get("after")
    if choice("order", "desc", ("asc", "desc")) == "desc":
        items.reverse()
    if after is not None:
        ids = [item["id"] for item in items]
        if after not in ids:
            raise InvalidRequest("after is not the id of an item of this response.", param="after")
        items = items[ids.index(after) + 1 :]
    return page(items, limit=PAGE.asked(), view=lambda item: item)


def _find(response_id: str, *, param: str | None = None) -> Job:
    """The job behind a response that is stored; raises JobNotFound."""
    job = services().ledger.jobs.get(response_id.removeprefix(PREFIX)) if response_id.startswith(PREFIX) else None
    if job is None or not caller().sees(job) or job.operation is not Operation.RESPONSE:
        raise JobNotFound(f"There is no response '{response_id[:80]}'. It may have expired.", param=param)
    if not job.request["response"]["store"]:
        raise JobNotFound(f"Response '{response_id}' was not stored: its request had store: false.", param=param)
    return job


def _earlier(response_id: str) -> list[dict[str, Any]]:
    """The conversation up to the end of an earlier response; raises JobNotFound or InvalidRequest."""
    job = _find(response_id, param="previous_response_id")
    if job.outcome is None:
        status = response(job)["status"]
        raise InvalidRequest(
            f"Response '{response_id}' is {status}, so it cannot be continued.", param="previous_response_id"
        )
    return conversation(job)


def _item(item_id: str, param: str) -> wire.OutputItem | wire.InputItem:
    """An item of the output or the input of a stored response, by its id; raises JobNotFound."""
    job_id = item_id.partition("_")[2].rpartition("_")[0]
    job = _find(PREFIX + job_id, param=param)
    for item in (*response(job)["output"], *input_items(job)):
        if item["id"] == item_id:
            return item
    raise JobNotFound(f"Response '{PREFIX}{job_id}' has no item '{item_id[:80]}'.", param=param)


def _frames(to: Services, job: Job, events: Iterable[Event | Silence], *, after: int = -1) -> Iterator[str]:
    """The stream after an event's number. What comes before is made as well: the numbers depend on it."""
    for event in _events(to, job, events):
        if isinstance(event, Silence):
            yield sse.HEARTBEAT
        elif event["sequence_number"] > after:
            yield sse.frame(event, event=event["type"], whole=not event["type"].endswith(".delta"))


def _events(to: Services, job: Job, events: Iterable[Event | Silence]) -> Iterator[ResponseStreamEvent | Silence]:
    made, done = ResponseEvents(job), None
    yield from made.begin()
    for event in events:
        if event.type == "silence":
            yield event
        elif event.type == "done":
            done = event
        else:
            yield from made.of(event)
    yield made.end(_as_ended(to, job, done))


def _as_ended(to: Services, job: Job, done: Event | None) -> Job:
    """The job as its stream ended, though it be run again or deleted since."""
    now = reload(to, job)
    if done is None or now.fence == done.cursor.fence:
        return now
    return replace(now, status=JobStatus(done.status), outcome=None, error=None)


def _check_include() -> None:
    if unknown := {*array("include")} - {*get_args(Includable)}:
        raise InvalidRequest(f"include cannot have '{min(unknown)[:80]}'.", param="include")


BLUEPRINTS = (blueprint,)
