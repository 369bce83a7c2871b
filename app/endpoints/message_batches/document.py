"""``/v1/messages/batches``, in Anthropic's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.endpoints.anthropic.document import BETA
from app.endpoints.anthropic.errors import FORM
from app.endpoints.message_batches import wire
from app.endpoints.message_batches.body import MessageBatchBody
from app.openapi import examples
from app.openapi.describe import Answer, Description, Parameter
from app.openapi.parts import limit
from tasks import errors

TAG = "Anthropic's batches"
ABOUT = "Anthropic's Message Batches: batches of the endpoint `/v1/messages`. Failures have Anthropic's form."
_NEXT = {f"message_batches.{call}": "message_batch_id" for call in ("show", "cancel", "results", "delete")}


def _cursor(name: str, meaning: str) -> Parameter:
    return Parameter(name=name, where="query", meaning=meaning, schema={"type": "string"})


def _call(answer: Answer, *raised: type[errors.CaravanError], **more: Any) -> Description:
    parameters = (BETA, *more.pop("parameters", ()))
    told: Mapping[int, Answer] = {200: answer}
    return Description(
        tag=TAG,
        answers=told,
        parameters=parameters,
        errors=(*raised, errors.BrokerUnavailable),
        error_form=FORM,
        **more,
    )


CALLS = {
    "message_batches.create": _call(
        Answer(meaning="The batch.", schema=wire.MessageBatch, links=_NEXT),
        errors.InvalidRequest,
        errors.ModelNotFound,
        errors.RequestTooLarge,
        errors.StorageLimited,
        errors.StorageUnavailable,
        bodies=(MessageBatchBody,),
        examples=examples.MESSAGE_BATCHES,
    ),
    "message_batches.index": _call(
        Answer(meaning="A page.", schema=wire.MessageBatchPage),
        errors.InvalidRequest,
        parameters=(
            limit(*wire.PAGE),
            _cursor("after_id", "Begin after this batch."),
            _cursor("before_id", "End before this batch."),
        ),
    ),
    "message_batches.show": _call(Answer(meaning="The batch.", schema=wire.MessageBatch), errors.BatchNotFound),
    "message_batches.cancel": _call(
        Answer(meaning="The batch.", schema=wire.MessageBatch), errors.BatchNotFound, errors.BatchConflict
    ),
    "message_batches.delete": _call(
        Answer(meaning="It is deleted.", schema=wire.DeletedMessageBatch), errors.BatchNotFound, errors.BatchConflict
    ),
    "message_batches.results": _call(
        Answer(
            meaning="A result for each request, one a line.", lines=wire.BatchedResult, content="application/x-jsonl"
        ),
        errors.BatchNotFound,
        errors.BatchConflict,
        errors.FileNotFound,
    ),
}
