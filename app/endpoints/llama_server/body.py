"""The bodies of llama-server's own calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from app.bodies.part import Part
from app.bodies.sampling import MOST_CHOICES, MaxTokensOrNone, SamplingBody
from app.bodies.texts_or_tokens import Given, inputs
from app.bodies.unused import UNUSED
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation
from tasks.records.sampling import SamplingParams

MOST_PROBABILITIES = 100
MOST_TEXTS = 1024
"""Beside those around a gap."""


class InputTokensBody(ChatBody):
    """``POST /v1/chat/completions/input_tokens``: a chat that is not answered."""

    operation: ClassVar[Operation] = Operation.APPLY_TEMPLATE

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return {**self.conversation(entry), "counts_tokens": True}


class LlamaEmbeddingBody(EmbeddingBody):
    """``POST /embedding``, and ``/embeddings``: ``content`` is another name of the input."""

    takes_tokens_vectors: ClassVar[bool] = True

    embd_normalize: Literal[2] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named_content(cls, sent: Any) -> Any:
        if not isinstance(sent, Mapping) or "content" not in sent or "input" in sent:
            return sent
        return {"input" if name == "content" else name: value for name, value in sent.items()}


class LlamaAnswerBody(SamplingBody):
    """What `Answers` answers: the fields beside the prompt."""

    operation: ClassVar[Operation] = Operation.COMPLETION

    n_predict: MaxTokensOrNone = None
    max_tokens: MaxTokensOrNone = None
    n_probs: int = Field(0, ge=0, le=MOST_PROBABILITIES)
    post_sampling_probs: bool = False
    return_tokens: bool = False
    response_fields: Annotated[list[str], Field(max_length=64)] | None = None

    def num_logprobs(self) -> int | None:
        return self.n_probs or None

    def sampling(self, entry: ModelEntry) -> SamplingParams:
        told = self.n_probs > 0
        asked = super().sampling(entry)
        return replace(asked, logprob_ids=told, logprobs_as_sampled=told and self.post_sampling_probs)


class LlamaCompletionBody(LlamaAnswerBody):
    """``POST /completion``, and ``/completions``: a prompt goes to the model as it is."""

    prompt: Annotated[list[Given], *inputs(MOST_CHOICES)]

    def num_sequences(self) -> int:
        return len(self.prompt) * (self.n or 1)

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        if self.num_sequences() > MOST_CHOICES:
            raise InvalidRequest(f"Prompts times n exceed {MOST_CHOICES}. Send several requests.", param="n")
        request: dict[str, Any] = {"prompt": self.prompt, "sampling": self.sampling(entry).encode()}
        return {**request, "tells_prompt": True} if self._tells_prompt() else request

    def _tells_prompt(self) -> bool:
        """Whether a worker has to tell what a prompt's tokens say."""
        return self.verbose or any(not isinstance(prompt, str) for prompt in self.prompt)


class OtherText(Part):
    """Of ``input_extra``: a text that the model should know."""

    text: str
    filename: str | None = Field(None, max_length=1024)
    time: Annotated[Any, UNUSED] = None
    """When an editor took it."""


class InfillBody(LlamaAnswerBody):
    """``POST /infill``: a gap between two texts is filled. ``prompt`` is the beginning of what is to stand in it."""

    input_prefix: str
    input_suffix: str
    input_extra: Annotated[list[OtherText] | None, Field(max_length=MOST_TEXTS)] = None
    prompt: str = ""

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        gap = {
            "prefix": self.input_prefix,
            "suffix": self.input_suffix,
            "begun": self.prompt,
            "extra": [
                other.model_dump(include={"text", "filename"}, exclude_none=True) for other in self.input_extra or ()
            ],
        }
        asked: dict[str, Any] = {"prompt": [gap], "sampling": self.sampling(entry).encode()}
        return {**asked, "tells_prompt": True} if self._tells_prompt() else asked

    def _tells_prompt(self) -> bool:
        """Whether the answer has the prompt: what the tokens around the gap say."""
        return self.verbose or self.response_fields is None or "prompt" in self.response_fields
