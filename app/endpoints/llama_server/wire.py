"""What llama-server's own calls answer with, streams included."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.endpoints.openai.generation import Settings
from app.endpoints.openai.timings import LlamaTimings, PromptProgress
from app.http.wire_types import Count
from tasks.errors import Unavailable
from tasks.records.wire import AnswerCached

Byte = Annotated[int, Field(ge=0, le=255)]


class NoSlotIdle(Unavailable):
    """Raised when a model has no idle slot, for a caller who asked for one."""

    code = "no_slot_idle"


class Alternative(TypedDict):
    """A token that could have come, and the logarithm of its probability before any sampling."""

    id: int
    token: str
    bytes: list[Byte]
    logprob: Annotated[float, Field(le=0)]


class TokenProbabilities(Alternative):
    """A token that came, and the likeliest ones."""

    top_logprobs: list[Alternative]


class Candidate(TypedDict):
    """A token that the samplers left, and how likely it was to be drawn."""

    id: int
    token: str
    bytes: list[Byte]
    prob: Annotated[float, Field(ge=0, le=1)]


class Drawn(Candidate):
    """A token that was drawn, and the likeliest that could have been: with `post_sampling_probs`."""

    top_probs: list[Candidate]


class Piece(TypedDict):
    """A piece of a streamed answer."""

    index: Count
    content: str
    tokens: list[int]
    stop: Literal[False]
    id_slot: Literal[-1]
    tokens_predicted: Count
    tokens_evaluated: Count
    timings: NotRequired[LlamaTimings]
    prompt_progress: NotRequired[PromptProgress]
    completion_probabilities: NotRequired[list[TokenProbabilities | Drawn]]


class DefaultSettings(TypedDict):
    """What a request that says nothing is answered with."""

    n_ctx: Annotated[Count, Field(description="Tokens that a prompt and its answer may have.")]
    params: Settings


class Modalities(TypedDict):
    """What a model takes beside text."""

    vision: bool
    audio: bool


class Props(TypedDict):
    """A model's properties."""

    default_generation_settings: DefaultSettings
    total_slots: Annotated[Count, Field(description="Of one worker.")]
    model_alias: Annotated[str, Field(description="The model's name.")]
    model_path: Annotated[str, Field(description="The name of the model's file.")]
    modalities: Modalities
    chat_template: Annotated[str, Field(description="Empty while no worker lives.")]
    bos_token: str
    eos_token: str
    build_info: str
    is_sleeping: Annotated[bool, Field(description="Whether no worker lives: jobs wait for one.")]


class Slot(TypedDict):
    """A slot of a live worker."""

    id: Count
    n_ctx: Count
    speculative: Literal[False]
    is_processing: bool


class InputTokens(TypedDict):
    """How many tokens a conversation has, as the chat template renders it."""

    object: Literal["response.input_tokens"]
    input_tokens: Count


class LlamaEmbedding(TypedDict):
    """The vector of one text, in a list of one; or the vectors of its tokens, if the model pools none."""

    index: Count
    embedding: list[list[float] | str]


class LlamaCompletion(TypedDict, total=False):
    """An answer; of a stream the last object, whose `content` is empty. With `response_fields`, only these."""

    index: Count
    content: str
    tokens: Annotated[list[int], Field(description="Those of the answer, with `return_tokens`.")]
    id_slot: Literal[-1]
    stop: Literal[True]
    model: str
    tokens_predicted: Count
    tokens_evaluated: Annotated[Count, Field(description="Tokens of the prompt.")]
    generation_settings: Settings
    prompt: str
    has_new_line: bool
    truncated: Annotated[bool, Field(description="Whether the context was full before the answer ended.")]
    stop_type: Literal["eos", "word", "limit"]
    stopping_word: str
    tokens_cached: Annotated[Count, Field(description="Tokens of prompt and answer that were computed.")]
    timings: LlamaTimings
    answer_cached: AnswerCached
    completion_probabilities: list[TokenProbabilities | Drawn]
