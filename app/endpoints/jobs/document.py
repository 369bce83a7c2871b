"""``/jobs``."""

from __future__ import annotations

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
from app.endpoints.jobs.listing import MOST_METADATA
from app.endpoints.jobs.wire import (
    PAGE,
    DeletedJobs,
    EndedJobs,
    Job,
    JobList,
    JobRequest,
    StatusEvent,
    TokenEvent,
    Verdicts,
)
from app.http.query import LATEST
from app.openapi import examples, parts
from app.openapi.describe import Answer, Description, Event, Header, Parameter
from tasks import errors
from tasks.records.job import JobStatus, Priority

TAG = "Jobs"
ABOUT = "A job is one request to one model. It survives its connection and every process of the cluster."
_EVENTS = (
    Event(name="status", meaning="The job was queued, or a worker began it.", data=StatusEvent, cursor=True),
    Event(name="token", meaning="More text.", data=TokenEvent, cursor=True),
    Event(name="done", meaning="The job as it ended; the last event.", data=Job, cursor=True),
)
_TIME = {"type": "integer", "minimum": 0, "maximum": LATEST}
_METADATA = {
    "type": "object",
    "propertyNames": {"pattern": r"^[^\[\]]{1,64}$"},
    "additionalProperties": {"type": "string"},
    "maxProperties": MOST_METADATA,
}
_FILTERS = (
    Parameter(name="model", where="query", meaning="Only this model's.", schema={"type": "string"}, example="demo"),
    Parameter(
        name="status",
        where="query",
        meaning="Only those with this status.",
        schema={"type": "string", "enum": [status.value for status in JobStatus]},
        example="succeeded",
    ),
    Parameter(
        name="priority",
        where="query",
        meaning="Only those with this priority.",
        schema={"type": "string", "enum": [priority.value for priority in Priority]},
    ),
    Parameter(
        name="owner", where="query", meaning="For admins: this owner's; `*`: everybody's.", schema={"type": "string"}
    ),
    Parameter(
        name="created_after",
        where="query",
        meaning="Only those accepted at this time or later, in seconds since 1970.",
        schema=_TIME,
        example=0,
    ),
    Parameter(
        name="created_before",
        where="query",
        meaning="Only those accepted before this time.",
        schema=_TIME,
    ),
    Parameter(
        name="metadata",
        where="query",
        meaning="Only those with this metadata, as `metadata[name]=value`.",
        schema=_METADATA,
    ),
    parts.limit(*PAGE),
    parts.AFTER_ID,
    Parameter(
        name="dead_letter",
        where="query",
        meaning="Only dead letters, newest first.",
        schema={"type": "boolean", "default": False},
        example=False,
    ),
)

_ACCEPTED = (parts.LOCATION, parts.X_UNUSED_PARAMETERS, *parts.RATE_LIMITS)
_RETRY_SOME = Header(
    name="Retry-After",
    meaning="Seconds after which those may be sent again that there was no room for.",
    schema=parts.RETRY_AFTER.schema,
    always=False,
)
_NEXT = {f"jobs.{call}": "job_id" for call in ("show", "events", "change", "cancel", "retry")}

CALLS = {
    "jobs.create": Description(
        tag=TAG,
        bodies=(ChatJobBody, CompletionJobBody, EmbeddingJobBody, RerankJobBody),
        most_bodies=MOST_JOBS,
        examples=examples.JOBS,
        parameters=(parts.IDEMPOTENCY_KEY, parts.PREFER, parts.CACHE_CONTROL, *parts.URGENCY),
        answers={
            200: Answer(
                meaning="The job ended within the wait, with any status.", schema=Job, headers=_ACCEPTED, links=_NEXT
            ),
            202: Answer(meaning="The job was accepted.", schema=Job, headers=_ACCEPTED, links=_NEXT),
            207: Answer(
                meaning="What became of each job of a list.",
                schema=Verdicts,
                headers=(_RETRY_SOME, parts.X_UNUSED_PARAMETERS, *parts.RATE_LIMITS),
            ),
        },
        errors=parts.SUBMIT_ERRORS,
        error_headers=parts.RATE_LIMITS,
    ),
    "jobs.index": Description(
        tag=TAG,
        parameters=_FILTERS,
        answers={200: Answer(meaning="A page.", schema=JobList)},
        errors=(errors.InvalidRequest, errors.InsufficientScope, errors.BrokerUnavailable),
    ),
    "jobs.wait_for_some": Description(
        tag=TAG,
        bodies=(JobsWait,),
        examples=examples.WAITS,
        answers={200: Answer(meaning="The jobs that have ended.", schema=EndedJobs)},
        errors=(errors.InvalidRequest, errors.RequestTooLarge, errors.BrokerUnavailable),
    ),
    "jobs.delete": Description(
        tag=TAG,
        bodies=(JobDeletion,),
        examples=examples.DELETIONS,
        answers={200: Answer(meaning="The jobs are deleted.", schema=DeletedJobs)},
        errors=(errors.InvalidRequest, errors.RequestTooLarge, errors.BrokerUnavailable),
    ),
    "jobs.show": Description(
        tag=TAG,
        parameters=(parts.WAIT,),
        answers={200: Answer(meaning="The job.", schema=Job)},
        errors=(errors.InvalidRequest, *parts.JOB_ERRORS),
    ),
    "jobs.asked": Description(
        tag=TAG,
        answers={200: Answer(meaning="What the job asks for.", schema=JobRequest)},
        errors=parts.JOB_ERRORS,
    ),
    "jobs.events": Description(
        tag=TAG,
        parameters=(parts.LAST_EVENT_ID, parts.AFTER_EVENT),
        answers={
            200: Answer(meaning="The job's events, to the last.", events=_EVENTS),
            204: Answer(meaning="The job has ended, and no event comes after the cursor."),
        },
        errors=(errors.InvalidRequest, *parts.JOB_ERRORS),
    ),
    "jobs.change": Description(
        tag=TAG,
        bodies=(JobChange,),
        examples=examples.CHANGES,
        answers={200: Answer(meaning="The job with its new priority.", schema=Job)},
        errors=(errors.InvalidRequest, errors.RequestTooLarge, errors.JobConflict, *parts.JOB_ERRORS),
    ),
    "jobs.cancel": Description(
        tag=TAG,
        answers={200: Answer(meaning="The job, cancelled.", schema=Job)},
        errors=(errors.JobConflict, *parts.JOB_ERRORS),
    ),
    "jobs.retry": Description(
        tag=TAG,
        answers={202: Answer(meaning="The job, queued.", schema=Job)},
        errors=(
            errors.InvalidRequest,
            errors.JobNotFound,
            errors.ModelNotFound,
            errors.JobConflict,
            errors.QueueFull,
            errors.RateLimited,
            errors.ModelUnavailable,
            errors.BrokerUnavailable,
        ),
        error_headers=parts.RATE_LIMITS,
    ),
}
