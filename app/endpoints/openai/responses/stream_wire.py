"""The events of a streamed response."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from app.endpoints.openai.responses.wire import OutputItem, OutputText, ReasoningText, ResponseLogprob, ResponseObject
from app.http.wire_types import Count


class ResponseEvent(TypedDict):
    """The response as it is now: at its creation, at its start, and at its end."""

    type: Literal[
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    sequence_number: Count
    response: ResponseObject


class ItemEvent(TypedDict):
    """An item begins, or is complete."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    sequence_number: Count
    output_index: Count
    item: OutputItem


class PartEvent(TypedDict):
    """A part of an item's content begins, or is complete."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    sequence_number: Count
    item_id: str
    output_index: Count
    content_index: Count
    part: OutputText | ReasoningText


class TextDelta(TypedDict):
    """More text; a message's comes with its logprobs."""

    type: Literal["response.output_text.delta", "response.reasoning_text.delta"]
    sequence_number: Count
    item_id: str
    output_index: Count
    content_index: Count
    delta: str
    logprobs: NotRequired[list[ResponseLogprob]]


class TextDone(TypedDict):
    """The whole text."""

    type: Literal["response.output_text.done", "response.reasoning_text.done"]
    sequence_number: Count
    item_id: str
    output_index: Count
    content_index: Count
    text: str
    logprobs: NotRequired[list[ResponseLogprob]]


class ArgumentsDelta(TypedDict):
    """More of a call's arguments."""

    type: Literal["response.function_call_arguments.delta"]
    sequence_number: Count
    item_id: str
    output_index: Count
    delta: str


class ArgumentsDone(TypedDict):
    """A call's arguments, whole."""

    type: Literal["response.function_call_arguments.done"]
    sequence_number: Count
    item_id: str
    output_index: Count
    name: str
    arguments: str


class ErrorEvent(TypedDict):
    """The stream ends without a response."""

    type: Literal["error"]
    sequence_number: Count
    code: str
    message: str
    param: None


ResponseStreamEvent = (
    ResponseEvent | ItemEvent | PartEvent | TextDelta | TextDone | ArgumentsDelta | ArgumentsDone | ErrorEvent
)
