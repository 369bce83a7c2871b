"""What ``/v1/responses`` answers with: the Response object and its items."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.bodies.service_tier import ServedAs
from app.bodies.template_variables import Effort
from app.http.paging import PageSize
from app.http.wire_types import Count, Page
from tasks.records.wire import AnswerCached

PAGE = PageSize(20, 100)
MOST_EVENTS = 10**9 - 1  # of a stream
ItemStatus = Literal["in_progress", "completed", "incomplete"]
Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


class ResponseAlternative(TypedDict):
    """An alternative token."""

    token: str
    logprob: float
    bytes: list[Annotated[int, Field(ge=0, le=255)]]


class ResponseLogprob(ResponseAlternative):
    """A token of the text, and its likeliest alternatives."""

    top_logprobs: list[ResponseAlternative]


class OutputText(TypedDict):
    """Text that the model wrote."""

    type: Literal["output_text"]
    text: str
    annotations: Annotated[list[Any], Field(max_length=0)]
    logprobs: list[ResponseLogprob]


class ReasoningText(TypedDict):
    """Reasoning before the answer."""

    type: Literal["reasoning_text"]
    text: str


class OutputMessage(TypedDict):
    """A message of the model's."""

    id: str
    type: Literal["message"]
    status: ItemStatus
    role: Literal["assistant"]
    content: list[OutputText]


class ReasoningItem(TypedDict):
    """The model's reasoning."""

    id: str
    type: Literal["reasoning"]
    status: ItemStatus
    summary: Annotated[list[Any], Field(max_length=0)]
    content: list[ReasoningText]
    encrypted_content: NotRequired[str]


class CalledFunction(TypedDict):
    """A function, and its arguments, which are JSON as text."""

    name: str
    arguments: str


class FunctionCallItem(CalledFunction):
    """A call that the model asks for. `arguments` is JSON, as text."""

    id: str
    type: Literal["function_call"]
    status: ItemStatus
    call_id: str
    namespace: NotRequired[str]


class CustomCallItem(TypedDict):
    """A call of a tool that takes a text."""

    id: str
    type: Literal["custom_tool_call"]
    status: ItemStatus
    call_id: str
    name: str
    input: str
    namespace: NotRequired[str]


OutputItem = OutputMessage | ReasoningItem | FunctionCallItem | CustomCallItem


class InputText(TypedDict):
    """Input text."""

    type: Literal["input_text"]
    text: str


class InputMessage(TypedDict):
    """An input message; an assistant's has output text."""

    id: str
    type: Literal["message"]
    status: Literal["completed"]
    role: Literal["user", "system", "developer", "assistant"]
    content: list[InputText | OutputText]


class FunctionOutputItem(TypedDict):
    """The result of a function, or of a tool that takes a text."""

    id: str
    type: Literal["function_call_output", "custom_tool_call_output"]
    status: Literal["completed"]
    call_id: str
    output: str


InputItem = InputMessage | FunctionCallItem | CustomCallItem | FunctionOutputItem


class InputItemList(Page):
    """A page of a response's input."""

    data: list[InputItem]


ErrorCode = Literal["server_error", "invalid_prompt", "rate_limit_exceeded"]


class ResponseError(TypedDict):
    """Why a response failed. `type` and `param` are those of the job's error."""

    code: ErrorCode
    message: str
    type: NotRequired[str | None]
    param: NotRequired[str | None]


class IncompleteDetails(TypedDict):
    """Why a response was cut."""

    reason: Literal["max_output_tokens"]


class ReasoningOptions(TypedDict):
    """The effort that the template was told of."""

    effort: Effort | None
    summary: None


class FormatOfText(TypedDict):
    """The required form of the text."""

    type: Literal["text", "json_object", "json_schema"]
    name: NotRequired[str]
    description: NotRequired[str]
    strict: NotRequired[bool]
    schema: NotRequired[dict[str, Any]]


class TextOptions(TypedDict):
    """Options of the text."""

    format: FormatOfText


class OfferedTool(TypedDict):
    """A function that the model might call."""

    type: Literal["function"]
    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


class OfferedFormat(TypedDict):
    """Which texts a tool takes."""

    type: Literal["text", "grammar"]
    syntax: NotRequired[Literal["lark", "regex"]]
    definition: NotRequired[str]


class OfferedCustomTool(TypedDict):
    """A tool that takes a text."""

    type: Literal["custom"]
    name: str
    description: str | None
    format: OfferedFormat


class OfferedNamespace(TypedDict):
    """A list of tools that the model might call."""

    type: Literal["namespace"]
    name: str
    description: str
    tools: list[OfferedTool | OfferedCustomTool]


class ChosenFunction(TypedDict):
    """The tool that had to be called."""

    type: Literal["function", "custom"]
    name: str


class CachedInput(TypedDict):
    """Tokens that were shared with another prompt."""

    cached_tokens: Count
    cache_write_tokens: Literal[0]


class ReasoningTokens(TypedDict):
    """Reasoning has no separate count."""

    reasoning_tokens: Literal[0]


class ResponseUsage(TypedDict):
    """Tokens read and written."""

    input_tokens: Count
    input_tokens_details: CachedInput
    output_tokens: Count
    output_tokens_details: ReasoningTokens
    total_tokens: Count
    answer_cached: NotRequired[AnswerCached]


class EchoedRequest(TypedDict):
    """What a response tells of its request."""

    instructions: str | None
    previous_response_id: str | None
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    background: bool
    max_tool_calls: int | None
    parallel_tool_calls: bool
    reasoning: ReasoningOptions
    store: bool
    text: TextOptions
    tool_choice: Literal["auto", "none", "required"] | ChosenFunction
    tools: list[OfferedTool | OfferedCustomTool | OfferedNamespace]
    top_logprobs: Annotated[int, Field(ge=0, le=20)]


class ResponseObject(EchoedRequest):
    """A response."""

    id: Annotated[str, Field(pattern="^resp_")]
    object: Literal["response"]
    created_at: Count
    status: Status
    completed_at: Count | None
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    model: str
    output: list[OutputItem]
    metadata: dict[str, str]
    temperature: float
    top_p: float
    max_output_tokens: Annotated[int, Field(ge=1)] | None
    service_tier: ServedAs
    truncation: Literal["disabled"]
    usage: ResponseUsage | None


class DeletedResponse(TypedDict):
    """A deleted response."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]
