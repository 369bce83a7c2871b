"""``/jobs``: accept, show, list, follow, change, cancel and retry jobs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import Headers

from app.access.caller import caller, catalogue
from app.access.limits import spend
from app.bodies.job import JobBody
from app.bodies.validation import validate
from app.endpoints.jobs.body import ChatJobBody, CompletionJobBody, EmbeddingJobBody, JobChange, JobDeletion
from app.endpoints.jobs.view import view
from app.http import sse
from app.http.json_body import read_json
from app.http.query import flag, integer
from app.jobs.follow import follow, reload
from app.jobs.lookup import find
from app.jobs.submission import build_job, check_priority, submit
from app.services.services import Services, services
from tasks.errors import InsufficientScope, InvalidRequest
from tasks.ledger.overview import workers
from tasks.records.event import START, Cursor
from tasks.records.job import Job, JobStatus, Priority

blueprint = Blueprint("jobs", __name__)

MAX_PAGE = 100
DEFAULT_PAGE = 20


@blueprint.post("/jobs")
def create() -> tuple[Response, int]:
    """Accept a job: 202 with it, or 200 when it ended within ``Prefer: wait=N``."""
    body = read_json()
    wait = _prefer_wait(request.headers)
    if body.get("stream") is True:
        raise InvalidRequest("Every job has a stream at its events URL; leave stream out.", param="stream")
    asked = validate(_schema(body), body)
    job_id = submit(body, lambda: build_job(asked))
    job = _wait_for(find(job_id), wait)
    response = jsonify(_view(job))
    response.headers["Location"] = f"/jobs/{job_id}"
    return response, 200 if wait and job.status.ended else 202


@blueprint.get("/jobs")
def index() -> Response:
    """List the caller's jobs, newest first; an admin may name another ``?owner=``."""
    owner = _owner()
    limit = integer("limit", DEFAULT_PAGE, 1, MAX_PAGE)
    status = request.args.get("status")
    if status is not None and status not in set(JobStatus):
        raise InvalidRequest(f"status must be one of {', '.join(JobStatus)}.", param="status")
    model, after = request.args.get("model"), request.args.get("after")
    if flag("dead_letter"):
        found = _dead_letters(owner, limit=limit + 1, after=after, model=model)
    else:
        found = _select(owner, limit=limit + 1, after=after, model=model, status=status)
    page = found[:limit]
    return jsonify(
        {
            "object": "list",
            "data": [view(job) for job in page],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": len(found) > limit,
        }
    )


@blueprint.get("/jobs/<job_id>")
def show(job_id: str) -> Response:
    """Show a job; with ``?wait=N`` when it has ended, or after N seconds."""
    job = find(job_id)
    return jsonify(_view(_wait_for(job, _wait_argument())))


@blueprint.post("/jobs/delete")
def delete() -> Response:
    """Remove the caller's jobs with their results and events; an admin may remove any job."""
    asked = validate(JobDeletion, read_json())
    owner = "" if caller().is_admin else caller().owner
    gone = services().queue.forget_many(asked.ids, owner=owner)
    return jsonify({"object": "list.deleted", "deleted": gone})


@blueprint.get("/jobs/<job_id>/events")
def events(job_id: str) -> Response:
    """Stream the job's events, from the first or after ``Last-Event-ID`` or ``?after=``, to the last."""
    job = find(job_id)
    after = _cursor()
    if job.status.ended and not _has_more(job, after):
        return Response(status=204)  # an EventSource that has seen the end stops asking
    return sse.respond(_frames(services(), job, after))


@blueprint.post("/jobs/<job_id>/cancel")
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
    spend(job)
    services().queue.retry(job, most_in_flight=caller().limits.jobs_in_flight)
    return jsonify(_view(find(job_id))), 202


_SCHEMAS: Mapping[str, type[JobBody]] = {
    "messages": ChatJobBody,
    "prompt": CompletionJobBody,
    "input": EmbeddingJobBody,
}


def _schema(body: dict[str, Any]) -> type[JobBody]:
    """What the body is, by the field that says it."""
    match [field for field in _SCHEMAS if field in body]:
        case [field]:
            return _SCHEMAS[field]
        case [_, field, *_]:
            raise InvalidRequest("Send exactly one of messages, prompt and input.", param=field)
        case _:
            raise InvalidRequest(
                "Send messages (a chat), prompt (a completion) or input (embeddings).", param="messages"
            )


def _view(job: Job) -> dict[str, Any]:
    position = services().ledger.jobs.queue_position(job) if job.status is JobStatus.QUEUED else None
    return view(job, queue_position=position, eta_seconds=_eta_seconds(job, position))


def _eta_seconds(job: Job, position: int | None) -> float | None:
    """How many jobs must end before its turn, times how often one has ended lately on the workers that live."""
    if position is None:
        return None
    crew = workers(services().redis, [job.model])
    slots = sum(worker.slots for worker in crew)
    timed = [seconds for worker in crew if (seconds := worker.figures["job_seconds"])]
    if not slots or not timed:
        return None
    free = slots - int(sum(worker.figures["busy"] for worker in crew))
    return round(max(0, position - max(0, free)) / slots * sum(timed) / len(timed), 1)


def _wait_for(job: Job, seconds: float) -> Job:
    """The job as it is when it has ended, or when the time is over."""
    if seconds <= 0 or job.status.ended:
        return job
    deadline = time.monotonic() + seconds
    for event in follow(services(), job, silence_seconds=min(seconds, 1.0)):
        if (event and event.type == "done") or time.monotonic() >= deadline:
            break
    return find(job.id)


def _frames(to: Services, job: Job, after: Cursor) -> Iterator[str]:
    for event in follow(to, job, after=after):
        if event is None:
            yield sse.HEARTBEAT
        elif event.type == "token":
            if event.text:
                yield sse.frame({"index": event.index, "text": event.text}, event="token", cursor=str(event.cursor))
        elif event.type == "done":
            ended = reload(to, job)
            if ended.fence > event.cursor.fence:  # somebody had it run again meanwhile
                yield from _frames(to, ended, event.cursor)
                return
            yield sse.frame(view(ended), event="done", cursor=str(event.cursor))
        else:
            yield sse.frame({"status": event.status}, event="status", cursor=str(event.cursor))


def _has_more(job: Job, after: Cursor) -> bool:
    return after < Cursor(job.fence, 0)


def _owner() -> str:
    """Whose jobs are to be listed; raises InsufficientScope for another's."""
    owner = request.args.get("owner", caller().owner)
    if owner != caller().owner and not caller().is_admin:
        raise InsufficientScope("To see jobs of other owners you need a key with the scope 'admin'.", param="owner")
    return owner


def _select(owner: str, *, limit: int, after: str | None, model: str | None, status: str | None) -> list[Job]:
    """The owner's jobs that match, newest first. Pages through the index until there are enough of them."""
    records, found = services().ledger.jobs, list[Job]()
    before = None if after is None else records.accepted_at(owner, after)
    if after is not None and before is None:
        raise InvalidRequest("after is not the id of one of your jobs.", param="after")
    while len(found) < limit:
        page = records.owned(owner, before=before, count=limit)
        jobs = records.get_many(job_id for job_id, _ in page)
        found += [job for job in jobs if model in (None, job.model) and status in (None, job.status)]
        if len(page) < limit:
            break
        before = page[-1][1]
    return found[:limit]


def _dead_letters(owner: str, *, limit: int, after: str | None, model: str | None) -> list[Job]:
    """The owner's jobs that workers died of, the last one first."""
    records = services().ledger.jobs
    ids = records.dead(name for name in services().catalogue if model in (None, name))
    if after is not None:
        if after not in ids:
            raise InvalidRequest("after is not the id of one of your dead letters.", param="after")
        ids = ids[ids.index(after) + 1 :]
    found: list[Job] = []
    while ids and len(found) < limit:
        found += [job for job in records.get_many(ids[:limit]) if job.owner == owner]
        ids = ids[limit:]
    return found[:limit]


def _cursor() -> Cursor:
    """The last event that the client saw; both places are read, and the header's counts."""
    given = [_read_cursor(text) for text in (request.headers.get("Last-Event-ID"), request.args.get("after")) if text]
    return given[0] if given else START


def _read_cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError as exc:
        raise InvalidRequest(f"'{text[:40]}' is not a cursor: send the id of an event.", param="after") from exc


def _wait_argument() -> float:
    return _seconds(request.args.get("wait", "0"), "wait")


def _prefer_wait(headers: Headers) -> float:
    """``Prefer: wait=N`` (RFC 7240, section 4.3); other preferences are not ours to judge."""
    for preference in headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            with contextlib.suppress(InvalidRequest):  # a preference that is not understood is ignored
                return _seconds(value.partition(";")[0].strip().strip('"'), "Prefer")
    return 0.0


def _seconds(text: str, param: str) -> float:
    """Seconds to wait; more than the server allows counts as what it allows."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InvalidRequest("wait must be a number of seconds, 0 or more.", param=param)
    return min(seconds, services().settings.max_wait_seconds)


BLUEPRINTS = (blueprint,)
