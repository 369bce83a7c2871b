"""What Ollama's calls answer with. Durations are in nanoseconds, times as RFC 3339 has them."""

from __future__ import annotations

from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic takes the standard library's from Python 3.12 on
)

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.openai.wire import TokenLogprob
from app.http.wire_types import Count
from caravan_client.server_errors import ErrorType
from tasks.records.wire import AnswerCached

Nanoseconds = Annotated[int, Field(ge=0, description="Nanoseconds.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class OllamaError(TypedDict):
    """The form of a failure of these calls: Ollama's, with what ours have beside the message."""

    error: str
    type: ErrorType
    param: str | None
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$")]


class OllamaFunctionCall(TypedDict):
    """A function, and the arguments with which it is to be called."""

    index: Count
    name: str
    arguments: dict[str, Any]


class OllamaToolCall(TypedDict):
    """A call that the model asks for."""

    id: str
    function: OllamaFunctionCall


class OllamaMessage(TypedDict):
    """What the model says, or a piece of it."""

    role: Literal["assistant"]
    content: str
    thinking: NotRequired[str]
    tool_calls: NotRequired[list[OllamaToolCall]]


class Figures(TypedDict):
    """How much was read and written, and how long it took."""

    total_duration: Annotated[Nanoseconds, Field(description="From the job's acceptance to its end.")]
    load_duration: Annotated[Nanoseconds, Field(description="Of this, the wait in the queue.")]
    prompt_eval_count: Count
    prompt_eval_duration: Nanoseconds
    eval_count: Count
    eval_duration: Nanoseconds
    answer_cached: NotRequired[AnswerCached]


class _Of(TypedDict):
    """What every answer, and every piece of one, has."""

    model: str
    created_at: Time


class _Done(_Of):
    done: Literal[True]
    done_reason: Literal["stop", "length", "load", "unload"]
    total_duration: NotRequired[Nanoseconds]
    load_duration: NotRequired[Nanoseconds]
    prompt_eval_count: NotRequired[Count]
    prompt_eval_duration: NotRequired[Nanoseconds]
    eval_count: NotRequired[Count]
    eval_duration: NotRequired[Nanoseconds]
    logprobs: NotRequired[list[TokenLogprob]]


class _Piece(_Of):
    done: Literal[False]
    logprobs: NotRequired[list[TokenLogprob]]


class OllamaChat(_Done):
    """The answer of a chat; in a stream its last line, in which the message is empty."""

    message: OllamaMessage


class OllamaChatPiece(_Piece):
    """A piece of a chat's answer."""

    message: OllamaMessage


class Generated(_Done):
    """The answer to a prompt; in a stream its last line, in which the response is empty."""

    response: str
    thinking: NotRequired[str]
    context: NotRequired[Annotated[list[int], Field(description="The conversation so far, for the next call.")]]


class GeneratedPiece(_Piece):
    """A piece of the answer to a prompt."""

    response: str
    thinking: NotRequired[str]


class Embedded(TypedDict):
    """Vectors."""

    model: str
    embeddings: list[list[float]]
    total_duration: Nanoseconds
    load_duration: Nanoseconds
    prompt_eval_count: Count


class OldEmbedding(TypedDict):
    """A vector; none for an empty prompt."""

    embedding: list[float]


class Details(TypedDict):
    """What the model's file says of it; empty where this machine does not have the file."""

    parent_model: str
    format: str
    family: str
    families: list[str]
    parameter_size: str
    quantization_level: str


class _Model(TypedDict):
    name: str
    model: str
    size: Count
    digest: str
    details: Details


class Tag(_Model):
    """A model of the catalogue."""

    modified_at: Time


class TagList(TypedDict):
    """The models that the caller may use."""

    models: list[Tag]


class Loaded(_Model):
    """A model with a live worker."""

    expires_at: Annotated[Time, Field(description="When it may be unloaded if no job comes.")]
    size_vram: Count
    context_length: Count


class LoadedList(TypedDict):
    """The models that have live workers."""

    models: list[Loaded]


class Shown(TypedDict):
    """A model."""

    license: str
    modelfile: str
    parameters: str
    template: str
    details: Details
    model_info: dict[str, Any]
    capabilities: list[Literal["completion", "tools", "thinking", "embedding"]]
    modified_at: Time


class OllamaVersion(TypedDict):
    """The release of Ollama whose calls these are."""

    version: str


class Status(TypedDict):
    """How far it is."""

    status: str
