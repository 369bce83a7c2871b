"""The bodies of the calls that only the tokenizer or the chat template answers, as llama-server and vLLM have them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from app.bodies.job import JobBody
from app.bodies.texts_or_tokens import MOST_TOKEN_ID
from app.endpoints.openai.chat_body import Conversation
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_CHARACTERS = 1 << 20
TokenId = Annotated[int, Field(ge=0, le=MOST_TOKEN_ID)]


class TokenizeBody(JobBody):
    """``POST /tokenize``: ``content`` and ``add_special`` are llama-server's names, the other two vLLM's."""

    operation: ClassVar[Operation] = Operation.TOKENIZE

    content: str | None = Field(None, max_length=MOST_CHARACTERS)
    prompt: str | None = Field(None, max_length=MOST_CHARACTERS)
    add_special: bool | None = None
    add_special_tokens: bool | None = None
    parse_special: bool = True
    with_pieces: bool = False

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        if self.content is not None and self.prompt is not None:
            raise InvalidRequest("prompt cannot be combined with content.", param="prompt")
        text = self.content if self.prompt is None else self.prompt
        if text is None:
            raise InvalidRequest("This call needs content.", param="content")
        return {
            "content": text,
            "add_special": self._adds_special(),
            "parse_special": self.parse_special,
            "with_pieces": self.with_pieces,
        }

    def _adds_special(self) -> bool:
        """Unasked, vLLM adds the tokens that begin and end a text, and llama-server does not."""
        given = [one for one in (self.add_special, self.add_special_tokens) if one is not None]
        return given[0] if given else self.prompt is not None


class DetokenizeBody(JobBody):
    """``POST /detokenize``."""

    operation: ClassVar[Operation] = Operation.DETOKENIZE

    tokens: list[TokenId] = Field(fail_fast=True)

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return {"tokens": self.tokens}


class TokenizerInfoBody(JobBody):
    """``GET /tokenizer_info``."""

    operation: ClassVar[Operation] = Operation.TOKENIZER_INFO

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return {}


class ApplyTemplateBody(Conversation, JobBody):
    """``POST /apply-template``."""

    operation: ClassVar[Operation] = Operation.APPLY_TEMPLATE

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return self.conversation(entry)
