"""``/v1/batches``."""

from __future__ import annotations

from app.endpoints.batches.wire import Batch, BatchBody, BatchList
from app.openapi import examples
from app.openapi.describe import Answer, Description, Parameter
from app.openapi.parts import limit
from tasks.errors import (
    BatchConflict,
    BatchNotFound,
    BrokerUnavailable,
    FileNotFound,
    InvalidRequest,
    RequestTooLarge,
)

TAG = "Batches"
ABOUT = "A batch is a file of requests. The server runs its lines with priority `low`."
_ERRORS = (BatchNotFound, BrokerUnavailable)
_PAGE = (
    limit(20, 100),
    Parameter(name="after", where="query", meaning="The `last_id` of the previous page.", schema={"type": "string"}),
)
_ASKED = Description(
    tag=TAG, answers={200: Answer(meaning="The batch.", schema=Batch)}, errors=(BatchConflict, *_ERRORS)
)
_NEXT = {f"batches.{call}": "batch_id" for call in ("show", "pause", "resume", "cancel", "retry")}

CALLS = {
    "batches.create": Description(
        tag=TAG,
        bodies=(BatchBody,),
        examples=examples.BATCHES,
        answers={200: Answer(meaning="The batch; its validation has begun.", schema=Batch, links=_NEXT)},
        errors=(InvalidRequest, FileNotFound, RequestTooLarge, BrokerUnavailable),
    ),
    "batches.index": Description(
        tag=TAG,
        parameters=_PAGE,
        answers={200: Answer(meaning="A page.", schema=BatchList)},
        errors=(InvalidRequest, BrokerUnavailable),
    ),
    "batches.show": Description(tag=TAG, answers={200: Answer(meaning="The batch.", schema=Batch)}, errors=_ERRORS),
    **{f"batches.{call}": _ASKED for call in ("cancel", "pause", "resume", "retry")},
}
