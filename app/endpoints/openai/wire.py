"""What ``/v1`` answers with, streams included."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.bodies.service_tier import ServedAs
from app.endpoints.openai.generation import Verbose
from app.endpoints.openai.timings import LlamaTimings, PromptProgress
from app.http.wire_types import Count, When
from tasks.records.wire import AnswerCached, Usage


class MadeOf(TypedDict):
    """When a job was accepted, and which model answers it."""

    created: When
    model: str
    system_fingerprint: Annotated[str, Field(description="The release of this server.")]


_Beside = TypedDict(
    "_Beside", {"timings": NotRequired[LlamaTimings], "__verbose": NotRequired[Verbose]}
)  # as no class can have it


class TokenAlternative(TypedDict):
    """An alternative token."""

    token: str
    logprob: Annotated[float, Field(le=0)]
    bytes: list[Annotated[int, Field(ge=0, le=255)]]


class TokenLogprob(TokenAlternative):
    """A token of the answer, and its likeliest alternatives."""

    top_logprobs: list[TokenAlternative]


class ChatLogprobs(TypedDict):
    """The log probability of each token of a chat, before any sampling."""

    content: list[TokenLogprob]
    refusal: None


class CompletionLogprobs(TypedDict):
    """The log probability of each token of a completion, before any sampling; null for the first of a prompt.

    A token that is a part of a character is named by its bytes, and has the character's offset.
    """

    tokens: list[str]
    token_logprobs: list[Annotated[float, Field(le=0)] | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[Count]


class CallOfFunction(TypedDict):
    """A function's name and its arguments, which are JSON as text."""

    name: str
    arguments: str


class MadeCall(TypedDict):
    """A call that the model asks for."""

    id: str
    type: Literal["function"]
    function: CallOfFunction


class AssistantMessage(TypedDict):
    """What the model said."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[Annotated[list[MadeCall], Field(min_length=1)]]


class ChatChoice(TypedDict):
    """One answer of a chat."""

    index: Count
    message: AssistantMessage
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length", "tool_calls"]


class ChatCompletion(MadeOf, _Beside):
    """The answer of a chat."""

    id: Annotated[str, Field(pattern="^chatcmpl-")]
    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: Usage
    service_tier: NotRequired[ServedAs]


class CalledPart(TypedDict):
    """A piece of a call: its name at its beginning, then pieces of its arguments."""

    name: NotRequired[str]
    arguments: str


class CallDelta(TypedDict):
    """A piece of the call with this `index`."""

    index: Count
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: CalledPart


class ChatDelta(TypedDict):
    """What a chunk adds to the message."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str | None]
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[CallDelta]]


class ChatChunkChoice(TypedDict):
    """A piece of one answer of a chat."""

    index: Count
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length", "tool_calls"] | None


class ChatChunk(MadeOf, _Beside):
    """A piece of a streamed chat. `usage` is there if the request asked for it; `timings` in the last chunk, or in all.

    `prompt_progress` is there if the request asked for it, in chunks before the first token.
    """

    prompt_progress: NotRequired[PromptProgress]

    id: Annotated[str, Field(pattern="^chatcmpl-")]
    object: Literal["chat.completion.chunk"]
    choices: list[ChatChunkChoice]
    usage: NotRequired[Usage | None]
    service_tier: NotRequired[ServedAs]


class CompletionChoice(TypedDict):
    """One answer of a completion."""

    index: Count
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"]


class Completion(MadeOf, _Beside):
    """The answer of a completion."""

    id: Annotated[str, Field(pattern="^cmpl-")]
    object: Literal["text_completion"]
    choices: list[CompletionChoice]
    usage: Usage


class CompletionChunkChoice(TypedDict):
    """A piece of one answer of a completion."""

    index: Count
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class CompletionChunk(MadeOf, _Beside):
    """A piece of a streamed completion. `usage`, `timings` and `prompt_progress` are as in a chat's."""

    prompt_progress: NotRequired[PromptProgress]

    id: Annotated[str, Field(pattern="^cmpl-")]
    object: Literal["text_completion"]
    choices: list[CompletionChunkChoice]
    usage: NotRequired[Usage | None]


class Embedding(TypedDict):
    """The vector of one text: numbers, or base64 of little-endian 32-bit floats."""

    object: Literal["embedding"]
    index: Count
    embedding: list[float] | str


class EmbeddingUsage(TypedDict):
    """Tokens read."""

    prompt_tokens: Count
    total_tokens: Count
    answer_cached: NotRequired[AnswerCached]


class EmbeddingList(TypedDict):
    """The vectors, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class ModelMeta(TypedDict):
    """A model's sizes, by llama-server's names."""

    n_ctx_train: Count
    n_embd: Count
    n_params: Count
    n_vocab: Count
    size: Annotated[Count, Field(description="Bytes of the weights.")]


class OpenAIModel(TypedDict):
    """A model, as OpenAI lists them."""

    id: str
    object: Literal["model"]
    created: Literal[0]
    owned_by: Literal["caravan"]
    aliases: list[str]
    tags: list[str]
    meta: Annotated[ModelMeta | None, Field(description="Null while no worker has told it.")]
    parent: NotRequired[Annotated[str, Field(description="Of a model with an adapter: the model's own name.")]]


class OpenAIModelList(TypedDict):
    """The catalogue."""

    object: Literal["list"]
    data: list[OpenAIModel]
