"""The bodies of the calls that only the tokenizer or the chat template answers, as llama-server has them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from app.bodies.job import JobBody
from app.bodies.texts_or_tokens import MOST_TOKEN_ID
from app.endpoints.openai.chat_body import Conversation
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_CHARACTERS = 1 << 20
TokenId = Annotated[int, Field(ge=0, le=MOST_TOKEN_ID)]


class TokenizeBody(JobBody):
    """``POST /tokenize``."""

    operation: ClassVar[Operation] = Operation.TOKENIZE

    content: str = Field(max_length=MOST_CHARACTERS)
    add_special: bool = False
    parse_special: bool = True
    with_pieces: bool = False

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return self.model_dump(include={"content", "add_special", "parse_special", "with_pieces"})


class DetokenizeBody(JobBody):
    """``POST /detokenize``."""

    operation: ClassVar[Operation] = Operation.DETOKENIZE

    tokens: list[TokenId] = Field(fail_fast=True)

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return {"tokens": self.tokens}


class ApplyTemplateBody(Conversation, JobBody):
    """``POST /apply-template``."""

    operation: ClassVar[Operation] = Operation.APPLY_TEMPLATE

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return self.conversation()
