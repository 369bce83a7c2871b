"""What the calls about message batches answer with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.anthropic.wire import MessageErrorAnswer, MessageObject
from app.http.paging import PageSize
from app.http.wire_types import Count

PAGE = PageSize(20, 1000)
ID = "^msgbatch_[0-9a-f]{32}$"
BatchId = Annotated[str, Field(pattern=ID)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class BatchedCounts(TypedDict):
    """Requests, counted. Together they are those of the batch, at any time."""

    processing: Count
    succeeded: Count
    errored: Count
    canceled: Count
    expired: Count


class MessageBatch(TypedDict):
    """A batch of messages."""

    id: BatchId
    type: Literal["message_batch"]
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: BatchedCounts
    created_at: Time
    expires_at: Time
    ended_at: Time | None
    cancel_initiated_at: Time | None
    archived_at: None
    results_url: Annotated[str | None, Field(description="The path of the results, once the batch has ended.")]


class MessageBatchPage(TypedDict):
    """A page of batches, newest first."""

    data: list[MessageBatch]
    has_more: bool
    first_id: BatchId | None
    last_id: BatchId | None


class DeletedMessageBatch(TypedDict):
    """A batch that is not there any more."""

    id: BatchId
    type: Literal["message_batch_deleted"]


class Succeeded(TypedDict):
    """The answer."""

    type: Literal["succeeded"]
    message: MessageObject


class Errored(TypedDict):
    """Why there is no answer."""

    type: Literal["errored"]
    error: MessageErrorAnswer


class NotRun(TypedDict):
    """The request was not run before its batch was cancelled or expired."""

    type: Literal["canceled", "expired"]


class BatchedResult(TypedDict):
    """What came of one request."""

    custom_id: str
    result: Succeeded | Errored | NotRun
