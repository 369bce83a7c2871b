"""The events of a streamed response."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from app.endpoints.openai.responses.wire import (
    CalledFunction,
    OutputItem,
    OutputText,
    ReasoningText,
    ResponseLogprob,
    ResponseObject,
)
from app.endpoints.openai.timings import LlamaTimings, PromptProgress
from app.http.wire_types import Count

StatusEventType = Literal[
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
]
ItemEventType = Literal["response.output_item.added", "response.output_item.done"]
PartEventType = Literal["response.content_part.added", "response.content_part.done"]


class Numbered(TypedDict):
    """An event, by its number in the stream. `timings` are there if the request asked for them."""

    sequence_number: Count
    timings: NotRequired[LlamaTimings]


class OfItem(Numbered):
    """An event of an item of the output."""

    item_id: str
    output_index: Count


class OfPart(OfItem):
    """An event of an item's one part."""

    content_index: Count


class ResponseEvent(Numbered):
    """The response as it is now: at its creation, at its start, and at its end."""

    type: StatusEventType
    response: ResponseObject
    prompt_progress: NotRequired[PromptProgress]


class ItemEvent(Numbered):
    """An item begins, or is complete."""

    type: ItemEventType
    output_index: Count
    item: OutputItem


class PartEvent(OfPart):
    """A part of an item's content begins, or is complete."""

    type: PartEventType
    part: OutputText | ReasoningText


class TextDelta(OfPart):
    """More text; a message's comes with its logprobs."""

    type: Literal["response.output_text.delta", "response.reasoning_text.delta"]
    delta: str
    logprobs: NotRequired[list[ResponseLogprob]]


class TextDone(OfPart):
    """The whole text."""

    type: Literal["response.output_text.done", "response.reasoning_text.done"]
    text: str
    logprobs: NotRequired[list[ResponseLogprob]]


class ArgumentsDelta(OfItem):
    """More of a call's arguments."""

    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsDone(OfItem, CalledFunction):
    """A call's arguments, whole."""

    type: Literal["response.function_call_arguments.done"]


class InputDelta(OfItem):
    """More of the input of a tool that takes a text."""

    type: Literal["response.custom_tool_call_input.delta"]
    delta: str


class InputDone(OfItem):
    """That input, whole."""

    type: Literal["response.custom_tool_call_input.done"]
    input: str


class ErrorEvent(Numbered):
    """The stream ends without a response."""

    type: Literal["error"]
    code: str
    message: str
    param: None


ResponseStreamEvent = (
    ResponseEvent
    | ItemEvent
    | PartEvent
    | TextDelta
    | TextDone
    | ArgumentsDelta
    | ArgumentsDone
    | InputDelta
    | InputDone
    | ErrorEvent
)
