"""The body of ``POST /v1/batches``, and what the calls about batches answer with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from app.bodies.job import Metadata
from app.bodies.part import Part
from app.endpoints.files.wire import LEAST_EXPIRY, MOST_EXPIRY
from app.http.paging import PageSize
from app.http.wire_types import Count, Page, When
from tasks.batches.batch import window_seconds

Endpoint = Literal[
    "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/responses", "/v1/messages"
]  # fmt: skip
PAGE = PageSize(20, 100)
WINDOW = "^([1-9][0-9]{0,3}m|([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)h|([1-9]|[12][0-9]|30)d)$"


def _window(text: str) -> str:
    try:
        window_seconds(text)
    except ValueError as exc:
        raise PydanticCustomError("window", "a time as 24h, 7d or 90m, from a minute to 30 days") from exc
    return text


class ExpiresAfter(Part):
    """When the output and error file expire: so many seconds after they were made."""

    anchor: Literal["created_at"]
    seconds: int = Field(ge=LEAST_EXPIRY, le=MOST_EXPIRY)


class BatchBody(Part):
    """A batch to be run."""

    input_file_id: str = Field(min_length=1, max_length=64)
    endpoint: Endpoint
    completion_window: Annotated[
        str, AfterValidator(_window), Field(json_schema_extra={"pattern": WINDOW, "examples": ["24h", "7d"]})
    ]
    metadata: Metadata | None = None
    output_expires_after: ExpiresAfter | None = None


class LineError(TypedDict):
    """The fault of a line of the input, or of the whole input."""

    code: str
    message: str
    param: str | None
    line: Annotated[int, Field(ge=1)] | None


class BatchErrors(TypedDict):
    """Why a batch has failed."""

    object: Literal["list"]
    data: list[LineError]


class RequestCounts(TypedDict):
    """Lines, counted."""

    total: Count
    completed: Count
    failed: Count


class CachedDetails(TypedDict):
    """Of the tokens read."""

    cached_tokens: Count


class ReasoningDetails(TypedDict):
    """Details of the output tokens."""

    reasoning_tokens: Literal[0]


class BatchUsage(TypedDict):
    """Tokens of all answered lines."""

    input_tokens: Count
    input_tokens_details: CachedDetails
    output_tokens: Count
    output_tokens_details: ReasoningDetails
    total_tokens: Count


StalledCode = Literal["storage_full", "storage_failed"]


class Stalled(TypedDict):
    """The reason why a batch does not progress."""

    code: StalledCode
    message: str


class BatchProgress(TypedDict):
    """The progress of a batch. Not in OpenAI's API."""

    answered: Annotated[
        Count, Field(description="Lines that have an answer, written or not; lines that did not run are not counted.")
    ]
    round: Annotated[int, Field(ge=1, description="Rises by 1 with every retry.")]
    lines_per_second: Annotated[float, Field(ge=0)]
    tokens_per_second: Annotated[float, Field(ge=0)]
    eta_seconds: Annotated[Count | None, Field(description="An estimate.")]
    stalled: Stalled | None


class Batch(TypedDict):
    """A batch."""

    id: Annotated[str, Field(pattern="^batch_[0-9a-f]{32}$")]
    object: Literal["batch"]
    endpoint: Endpoint
    model: None
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: Literal[
        "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
    ]
    output_file_id: Annotated[str | None, Field(description="Set as soon as the file has a line.")]
    error_file_id: Annotated[str | None, Field(description="Set as soon as the file has a line.")]
    created_at: When
    in_progress_at: When | None
    expires_at: When
    finalizing_at: When | None
    completed_at: When | None
    failed_at: When | None
    expired_at: When | None
    cancelling_at: When | None
    cancelled_at: When | None
    paused_at: When | None
    request_counts: RequestCounts
    usage: BatchUsage
    metadata: dict[str, str] | None
    progress: BatchProgress


class BatchList(Page):
    """A page of batches."""

    data: list[Batch]
