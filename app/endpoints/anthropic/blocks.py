"""The content of Anthropic's messages, as clients send it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from app.bodies.part import Part, type_of
from app.http.errors import as_tag

CallId = Annotated[str, Field(min_length=1, max_length=128)]
_ALL = ("text", "document", "thinking", "redacted_thinking", "tool_use", "tool_result")
_READ = ("text", "document")
_REFUSED = "Input should be {kinds}: this server's models take no images, and it runs no tools itself"


class Block(Part):
    """A block. Prefixes are kept without being asked, so ``cache_control`` changes nothing."""

    cache_control: dict[str, Any] | None = Field(None, exclude=True)


class TextBlock(Block):
    """A text."""

    type: Literal["text"]
    text: str
    citations: Any = Field(None, exclude=True)


class PlainText(Part):
    """The text of a document."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class DocumentBlock(Block):
    """A document of plain text: its title, what is said about it, and the text."""

    type: Literal["document"]
    source: PlainText
    title: str | None = None
    context: str | None = None
    citations: Any = Field(None, exclude=True)

    @property
    def text(self) -> str:
        return "\n".join(part for part in (self.title, self.context, self.source.data) if part)


class ThinkingBlock(Block):
    """The reasoning of an earlier turn. Where its text is left out, the signature may have it."""

    type: Literal["thinking"]
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Block):
    """Reasoning that only another server can read. It is passed over."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(Block):
    """A call of the model's."""

    type: Literal["tool_use"]
    id: CallId
    name: str = Field(min_length=1, max_length=64)
    input: dict[str, Any]
    caller: Any = Field(None, exclude=True)
    toolset_name: Any = Field(None, exclude=True)


def _as_blocks(value: Any) -> Any:
    """Plain text is one block. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("content_type", "Input should be a string or a list of blocks")
    return [TextBlock(type="text", text=value)] if isinstance(value, str) else value


def _kind(known: tuple[str, ...]) -> Discriminator:
    return Discriminator(
        lambda block: as_tag(kind) if (kind := type_of(block)) in known else None,
        custom_error_type="block_type",
        custom_error_message=_REFUSED.format(kinds=f"a block of type {', '.join(known[:-1])} or {known[-1]}"),
    )


_Text = Annotated[TextBlock, Tag(as_tag("text"))]
_Document = Annotated[DocumentBlock, Tag(as_tag("document"))]
_ReadBlocks = Annotated[list[Annotated[_Text | _Document, _kind(_READ)]], Field(fail_fast=True)]
Result = Annotated[_ReadBlocks, BeforeValidator(_as_blocks, json_schema_input_type=str | _ReadBlocks)]


class ToolResultBlock(Block):
    """What came of a call."""

    type: Literal["tool_result"]
    tool_use_id: CallId
    content: Result | None = None
    is_error: bool = False
    toolset_name: Any = Field(None, exclude=True)

    @property
    def text(self) -> str:
        """As the model reads it."""
        said = "\n".join(block.text for block in self.content or ())
        return f"Error: {said}" if self.is_error else said


AnyBlock = TextBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock
_AnyBlocks = Annotated[
    list[
        Annotated[
            _Text
            | _Document
            | Annotated[ThinkingBlock, Tag(as_tag("thinking"))]
            | Annotated[RedactedThinkingBlock, Tag(as_tag("redacted_thinking"))]
            | Annotated[ToolUseBlock, Tag(as_tag("tool_use"))]
            | Annotated[ToolResultBlock, Tag(as_tag("tool_result"))],
            _kind(_ALL),
        ]
    ],
    Field(fail_fast=True),
]
Content = Annotated[_AnyBlocks, BeforeValidator(_as_blocks, json_schema_input_type=str | _AnyBlocks)]
_Texts = Annotated[list[TextBlock], Field(fail_fast=True)]
System = Annotated[_Texts, BeforeValidator(_as_blocks, json_schema_input_type=str | _Texts)]


class Message(Part):
    """One message of a conversation."""

    role: Literal["user", "assistant", "system"]
    content: Content
