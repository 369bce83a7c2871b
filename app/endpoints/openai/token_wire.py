"""What the calls for tokens answer with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from app.http.wire_types import Count


class TokenPiece(TypedDict):
    """A token and its text; its bytes, where they are only a part of a character."""

    id: Count
    piece: str | list[Annotated[int, Field(ge=0, le=255)]]


class TokenList(TypedDict):
    """The tokens of a text."""

    tokens: list[Count] | list[TokenPiece]


class TokensText(TypedDict):
    """The text of tokens, under llama-server's name and under vLLM's."""

    content: str
    prompt: str


class TokenizerInfo(TypedDict):
    """A model's special tokens, as text, and its chat template; null for what it does not have."""

    bos_token: str | None
    eos_token: str | None
    pad_token: str | None
    add_bos_token: bool
    chat_template: str | None


class RenderedPrompt(TypedDict):
    """The prompt that the chat template made."""

    prompt: str


class TokenCount(TypedDict):
    """How many tokens the prompt has that the chat template made."""

    input_tokens: Count
