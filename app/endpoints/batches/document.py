"""``/v1/batches``."""

from __future__ import annotations

from app.endpoints.batches.wire import PAGE, Batch, BatchBody, BatchList
from app.openapi import examples
from app.openapi.describe import Answer, Description
from app.openapi.parts import AFTER_ID, limit
from tasks import errors

TAG = "Batches"
ABOUT = "A batch is a file of requests. The server runs its lines with priority `low`."
_ERRORS = (errors.BatchNotFound, errors.BrokerUnavailable)
_PAGE = (
    limit(*PAGE),
    AFTER_ID,
)
_ASKED = Description(
    tag=TAG, answers={200: Answer(meaning="The batch.", schema=Batch)}, errors=(errors.BatchConflict, *_ERRORS)
)
_NEXT = {f"batches.{call}": "batch_id" for call in ("show", "pause", "resume", "cancel", "retry")}

CALLS = {
    "batches.create": Description(
        tag=TAG,
        bodies=(BatchBody,),
        examples=examples.BATCHES,
        answers={200: Answer(meaning="The batch; its validation has begun.", schema=Batch, links=_NEXT)},
        errors=(errors.InvalidRequest, errors.FileNotFound, errors.RequestTooLarge, errors.BrokerUnavailable),
    ),
    "batches.index": Description(
        tag=TAG,
        parameters=_PAGE,
        answers={200: Answer(meaning="A page.", schema=BatchList)},
        errors=(errors.InvalidRequest, errors.BrokerUnavailable),
    ),
    "batches.show": Description(tag=TAG, answers={200: Answer(meaning="The batch.", schema=Batch)}, errors=_ERRORS),
    **{f"batches.{call}": _ASKED for call in ("cancel", "pause", "resume", "retry")},
}
