"""``/jobs``: accept, show, list, follow, change, cancel and retry jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify

from app.access.caller import caller, catalogue
from app.access.holding import asks_to_wait, holds
from app.access.limits import allowed, spend
from app.access.scopes import counts_as_read
from app.bodies.job import JobBody
from app.bodies.validation import validate
from app.endpoints.jobs import events as stream
from app.endpoints.jobs import wire
from app.endpoints.jobs.body import (
    MOST_JOBS,
    ChatJobBody,
    CompletionJobBody,
    EmbeddingJobBody,
    JobChange,
    JobDeletion,
    JobsWait,
    RerankJobBody,
)
from app.endpoints.jobs.listing import asked_for
from app.endpoints.jobs.view import request_view, view
from app.endpoints.jobs.waits_for import waits_for
from app.endpoints.jobs.wire import PAGE
from app.http import sse, traces
from app.http.json_body import read_json, read_one_or_many
from app.http.paging import page
from app.http.turns import aside
from app.http.wait import prefer_wait, wait_argument
from app.jobs.lookup import find
from app.jobs.many import wait_for_any
from app.jobs.submission import submit, submit_many
from app.jobs.until_ended import until_ended
from app.jobs.urgency import check_priority
from app.jobs.waiting import LOOK_SECONDS
from app.services.services import services
from tasks.errors import CaravanError, InvalidRequest
from tasks.ledger import overview
from tasks.ledger.standing import Standing
from tasks.records.event import Cursor
from tasks.records.job import Job, JobStatus, Priority, QueueState

blueprint = Blueprint("jobs", __name__)


@blueprint.post("/jobs")
@holds(asks_to_wait)
def create() -> tuple[Response, int]:
    """Accept a job: 202 with it, or 200 when it ended within ``Prefer: wait=N``.

    Of a list, each job is accepted or refused by itself: 207 with what became of each.
    """
    body = read_one_or_many(MOST_JOBS)
    if isinstance(body, list):
        return _create_many(body)
    wait = prefer_wait()
    taken = submit(body, aside(_read, body), stands=wait == 0)
    job = _wait_for(taken.job or find(taken.id), wait)
    response = jsonify(_view(job, taken.standing if job is taken.job else None))
    response.headers["Location"] = f"/jobs/{taken.id}"
    return response, 200 if wait and job.status.ended else 202


def _create_many(bodies: list[Any]) -> tuple[Response, int]:
    verdicts = submit_many(bodies, _read)
    refused = [each for each in verdicts if isinstance(each, CaravanError)]
    listed: wire.Verdicts = {"object": "list", "data": [_verdict(each) for each in verdicts]}
    response = jsonify(listed)
    if seconds := max((each.retry_after_seconds or 0 for each in refused), default=0):
        response.headers["Retry-After"] = str(seconds)
    return response, 207


def _verdict(verdict: str | CaravanError) -> wire.Verdict:
    if isinstance(verdict, str):
        return {"id": verdict, "status_code": 202, "error": None}
    return {"id": None, "status_code": verdict.http_status, "error": verdict.to_wire()}


@blueprint.get("/jobs")
def index() -> Response:
    """List the caller's jobs, newest first; an admin may name another ``?owner=``."""
    limit = PAGE.asked()
    found = asked_for(limit + 1)
    return page(found.jobs, limit=limit, view=view, looked_at=found.looked_at)


@blueprint.get("/jobs/<job_id>")
@holds(asks_to_wait)
def show(job_id: str) -> Response:
    """Show a job; with ``?wait=N`` when it has ended, or after N seconds."""
    job = find(job_id)
    return jsonify(_view(_wait_for(job, wait_argument()), explain=True))


@blueprint.get("/jobs/<job_id>/request")
def asked(job_id: str) -> Response:
    """Show what a job asks for: its request, as it was accepted."""
    return jsonify(request_view(find(job_id)))


@blueprint.post("/jobs/wait")
@counts_as_read
@holds()
def wait_for_some() -> Response:
    """Show those of many jobs that have ended, as soon as some have, or after the seconds of ``wait``.

    Results may be too large for one answer: then the others come with the next call.
    """
    asked = validate(JobsWait, read_json())
    ended = wait_for_any(asked.ids, seconds=asked.wait)
    shown: wire.EndedJobs = {"object": "list", "data": [view(job) for job in ended.jobs], "missing": ended.missing}
    return jsonify(shown)


@blueprint.post("/jobs/delete")
@counts_as_read
def delete() -> Response:
    """Remove the caller's jobs with their results and events; an admin may remove any job."""
    asked = validate(JobDeletion, read_json())
    owner = "" if caller().is_admin else caller().owner
    deleted: wire.DeletedJobs = {
        "object": "list.deleted",
        "deleted": services().queue.forget_many(asked.ids, owner=owner),
    }
    return jsonify(deleted)


@blueprint.get("/jobs/<job_id>/events")
@holds()
def events(job_id: str) -> Response:
    """Stream the job's events, from the first or after ``Last-Event-ID`` or ``?after=``, to the last."""
    job, after = find(job_id), stream.cursor()
    if job.status.ended and after >= Cursor(job.fence, 0):
        return Response(status=204)  # an EventSource that has seen the end stops asking
    return sse.respond(stream.frames(services(), job, after))


@blueprint.post("/jobs/<job_id>/cancel")
@counts_as_read
def cancel(job_id: str) -> Response:
    """Cancel a job that has not ended."""
    services().queue.cancel(job_id, owner=find(job_id).owner)
    return jsonify(_view(find(job_id)))


@blueprint.patch("/jobs/<job_id>")
def change(job_id: str) -> Response:
    """Change a queued job's priority."""
    body = validate(JobChange, read_json())
    priority = Priority(body.priority)
    check_priority(priority)
    services().queue.reprioritise(find(job_id), priority)
    return jsonify(_view(find(job_id)))


@blueprint.post("/jobs/<job_id>/retry")
def retry(job_id: str) -> tuple[Response, int]:
    """Run a failed, expired or cancelled job again."""
    job = find(job_id)
    catalogue().find(job.model)
    limits = allowed()
    services().queue.retry(
        job,
        most_in_flight=limits.jobs_in_flight,
        most_result_bytes=limits.result_bytes,
        metered=spend(job).metered,
        trace=traces.of_job(job),
    )
    return jsonify(_view(find(job_id))), 202


_SCHEMAS: Mapping[str, type[JobBody]] = {
    "messages": ChatJobBody,
    "prompt": CompletionJobBody,
    "input": EmbeddingJobBody,
    "documents": RerankJobBody,
}


def _read(body: dict[str, Any]) -> JobBody:
    """A body as its schema reads it; raises InvalidRequest."""
    if body.get("stream") is True:
        raise InvalidRequest("Every job has a stream at its events URL; leave stream out.", param="stream")
    return validate(_schema(body), body)


def _schema(body: dict[str, Any]) -> type[JobBody]:
    """What the body is, by the field that says it."""
    match [field for field in _SCHEMAS if field in body]:
        case [field]:
            return _SCHEMAS[field]
        case [_, field, *_]:
            raise InvalidRequest("Send exactly one of messages, prompt, input and documents.", param=field)
        case _:
            raise InvalidRequest(
                "Send messages (a chat), prompt (a completion), input (embeddings) or documents (scores).",
                param="messages",
            )


def _view(job: Job, standing: Standing | None = None, *, explain: bool = False) -> wire.Job:
    """A job with its place in the line; with what it waits for, if that is to be explained."""
    if job.status is not JobStatus.QUEUED:
        return view(job)
    standing = standing or services().ledger.jobs.standing(job)
    position = standing.position
    if position is None:
        return view(job)
    paused = standing.queue_state is QueueState.PAUSED
    eta = None if paused else overview.eta_seconds(standing.crew, position)
    return view(
        job,
        queue_position=position,
        eta_seconds=None if eta is None else round(eta, 1),
        waits_for=_waits_for(job, standing, position) if explain else None,
    )


def _waits_for(job: Job, standing: Standing, position: int) -> wire.WaitsFor:
    return waits_for(
        job.model,
        in_catalogue=job.model in services().models.served,
        queue_state=standing.queue_state,
        crew=standing.crew,
        health=overview.health(services().redis, [job.model])[job.model],
        position=position,
    )


def _wait_for(job: Job, seconds: float) -> Job:
    """The job as it is when it has ended, or when the time is over."""
    if seconds <= 0 or job.status.ended:
        return job
    deadline = time.monotonic() + seconds
    for _ in until_ended(services(), job.id, look_seconds=min(seconds, LOOK_SECONDS)):
        if time.monotonic() >= deadline:
            break
    return find(job.id)


BLUEPRINTS = (blueprint,)
