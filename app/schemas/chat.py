"""The body of a chat."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.schemas.sampling import MOST_TOKENS, SamplingBody
from tasks.errors import InvalidRequest


class TextPart(BaseModel):
    """One part of a message's content."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["text"]
    text: str


def _as_parts(value: Any) -> Any:
    """Plain text is one part. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("content_type", "Input should be a string or a list of parts")
    return [TextPart(type="text", text=value)] if isinstance(value, str) else value


Content = Annotated[list[TextPart], Field(min_length=1), BeforeValidator(_as_parts)]


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content
    name: str | None = Field(None, max_length=64)
    tool_call_id: str | None = Field(None, max_length=128)

    def payload(self) -> dict[str, Any]:
        """The message as chat templates know it; OpenAI's ``developer`` is their ``system``."""
        text = "".join(part.text for part in self.content)
        message = {"role": "system" if self.role == "developer" else self.role, "content": text}
        extra = {"name": self.name, "tool_call_id": self.tool_call_id}
        return message | {key: value for key, value in extra.items() if value is not None}


class ChatBody(SamplingBody):
    """``POST /v1/chat/completions``, and ``POST /jobs`` with ``messages``."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)

    def limit(self) -> tuple[str, int | None]:
        if self.max_completion_tokens is not None:
            return "max_completion_tokens", self.max_completion_tokens
        return super().limit()

    def num_logprobs(self) -> int | None:
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequest("top_logprobs asks for logprobs: true beside it.", param="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None

    def payload(self) -> dict[str, Any]:
        """What of the body goes to the worker, beside the sampling."""
        return {"messages": [message.payload() for message in self.messages]}
