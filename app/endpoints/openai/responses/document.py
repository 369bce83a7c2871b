"""``/v1/responses``."""

from __future__ import annotations

from typing import get_args

from app.endpoints.openai.responses.body import LOGPROBS, Includable, ResponseBody
from app.endpoints.openai.responses.stream_wire import ResponseStreamEvent
from app.endpoints.openai.responses.wire import MOST_EVENTS, PAGE, DeletedResponse, InputItemList, ResponseObject
from app.openapi import examples, parts
from app.openapi.describe import Answer, Description, Event, Parameter
from tasks.errors import InvalidRequest, JobNotFound

TAG = "Responses"
ABOUT = "OpenAI's Responses. Each response is a job."
_EVENTS = (Event(meaning="An event; its name is its `type`.", data=ResponseStreamEvent),)
_LOGPROBS = {"type": "array", "items": {"type": "string", "enum": [*get_args(Includable)]}}
_INCLUDE = Parameter(name="include", where="query", meaning="Changes nothing.", schema=_LOGPROBS, example=[LOGPROBS])
_SHOWN = (
    _INCLUDE,
    Parameter(
        name="stream",
        where="query",
        meaning="Stream the events, from the first or after `starting_after`.",
        schema={"type": "boolean", "default": False},
        example=False,
    ),
    Parameter(
        name="starting_after",
        where="query",
        meaning="The `sequence_number` of the last event that you saw. Needs `stream`.",
        schema={"type": "integer", "minimum": 0, "maximum": MOST_EVENTS},
    ),
    Parameter(
        name="include_obfuscation",
        where="query",
        meaning="Changes nothing: no event is padded.",
        schema={"type": "boolean", "default": False},
        example=False,
    ),
)
_PAGE = (
    parts.limit(*PAGE),
    parts.ORDER,
    parts.AFTER_ID,
    _INCLUDE,
)

_NEXT = {f"responses.{call}": "response_id" for call in ("show", "cancel", "delete", "list_input_items")}

CALLS = {
    "responses.create": Description(
        tag=TAG,
        bodies=(ResponseBody,),
        examples=examples.RESPONSES,
        parameters=(parts.IDEMPOTENCY_KEY, parts.X_ON_DISCONNECT, parts.CACHE_CONTROL, *parts.URGENCY),
        answers={
            200: Answer(
                meaning="The response at its end, or in the background at its beginning; with `stream` its events.",
                schema=ResponseObject,
                events=_EVENTS,
                headers=(parts.X_JOB_ID, parts.X_UNUSED_PARAMETERS, *parts.RATE_LIMITS),
                links=_NEXT,
            )
        },
        errors=(*parts.RUN_ERRORS, JobNotFound),
        error_headers=(parts.X_JOB_ID_OF_ERROR, *parts.RATE_LIMITS),
    ),
    "responses.show": Description(
        tag=TAG,
        parameters=_SHOWN,
        answers={
            200: Answer(
                meaning="The response; with `stream` its events.",
                schema=ResponseObject,
                events=_EVENTS,
                headers=(parts.X_JOB_ID,),
            )
        },
        errors=(InvalidRequest, *parts.JOB_ERRORS),
        error_headers=(parts.X_JOB_ID_OF_ERROR,),
    ),
    "responses.cancel": Description(
        tag=TAG,
        answers={200: Answer(meaning="The response as it is now.", schema=ResponseObject)},
        errors=(InvalidRequest, *parts.JOB_ERRORS),
    ),
    "responses.delete": Description(
        tag=TAG,
        answers={200: Answer(meaning="The response is deleted.", schema=DeletedResponse)},
        errors=parts.JOB_ERRORS,
    ),
    "responses.list_input_items": Description(
        tag=TAG,
        parameters=_PAGE,
        answers={200: Answer(meaning="A page.", schema=InputItemList)},
        errors=(InvalidRequest, *parts.JOB_ERRORS),
    ),
}
