"""What Anthropic's calls answer with, streams included."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count
from tasks.records.wire import AnswerCached

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
MessageErrorType = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
]


class TextOut(TypedDict):
    """A text."""

    type: Literal["text"]
    text: str
    citations: None


class ThinkingOut(TypedDict):
    """Reasoning. ``signature`` comes back with it; where the text is left out, it holds it."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class ToolUseOut(TypedDict):
    """A call of a tool."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


BlockOut = TextOut | ThinkingOut | ToolUseOut


class MessageUsage(TypedDict):
    """Tokens read and written. ``input_tokens`` are those that were computed, without those from the cache."""

    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count
    cache_creation_input_tokens: Count
    answer_cached: NotRequired[AnswerCached]


class MessageObject(TypedDict):
    """An answer."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[BlockOut]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: MessageUsage


class MessageStart(TypedDict):
    """The first event: the answer without its content."""

    type: Literal["message_start"]
    message: MessageObject


class BlockStart(TypedDict):
    """A block begins."""

    type: Literal["content_block_start"]
    index: Count
    content_block: BlockOut


class TextDelta(TypedDict):
    type: Literal["text_delta"]
    text: str


class ThinkingDelta(TypedDict):
    type: Literal["thinking_delta"]
    thinking: str


class SignatureDelta(TypedDict):
    type: Literal["signature_delta"]
    signature: str


class InputDelta(TypedDict):
    type: Literal["input_json_delta"]
    partial_json: str


Delta = TextDelta | ThinkingDelta | SignatureDelta | InputDelta


class BlockDelta(TypedDict):
    """A piece of a block."""

    type: Literal["content_block_delta"]
    index: Count
    delta: Delta


class BlockStop(TypedDict):
    """A block is complete."""

    type: Literal["content_block_stop"]
    index: Count


BlockEvent = BlockStart | BlockDelta | BlockStop


class Stopped(TypedDict):
    """Why an answer ended."""

    stop_reason: StopReason
    stop_sequence: str | None


class MessageDelta(TypedDict):
    """Why the answer ended, and its tokens."""

    type: Literal["message_delta"]
    delta: Stopped
    usage: MessageUsage


class MessageStop(TypedDict):
    """The last event of a complete answer."""

    type: Literal["message_stop"]


class Ping(TypedDict):
    """The answer is still made."""

    type: Literal["ping"]


class MessageError(TypedDict):
    """A failure. Anthropic's own has no `param` and no `code`."""

    type: MessageErrorType
    message: str
    param: str | None
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]


class MessageErrorAnswer(TypedDict):
    """The form of every failure of Anthropic's calls, and of the last event of an answer that failed."""

    type: Literal["error"]
    error: MessageError
    request_id: str


MessageEvent = MessageStart | BlockEvent | MessageDelta | MessageStop | Ping | MessageErrorAnswer


class ModelInfo(TypedDict):
    """A model. It has no date of its own."""

    type: Literal["model"]
    id: str
    display_name: str
    created_at: Literal["1970-01-01T00:00:00Z"]
    lifecycle: Literal["active"]


class ModelPage(TypedDict):
    """A page of models."""

    data: list[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None
