"""Anthropic's messages as the chat endpoint's. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from app.endpoints.anthropic.blocks import (
    AnyBlock,
    DocumentBlock,
    Message,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from app.endpoints.openai.responses.sealed import unseal
from tasks.errors import InvalidRequest

ChatMessage = dict[str, Any]
Placed = tuple[str, AnyBlock]
"""A block, and where it stands in the request."""
_OWN: dict[str, tuple[type[AnyBlock], ...]] = {
    "user": (TextBlock, DocumentBlock, ToolResultBlock),
    "assistant": (TextBlock, ThinkingBlock, RedactedThinkingBlock, ToolUseBlock),
    "system": (TextBlock,),
}
"""The blocks that a message of each role may have."""


def chat_messages(system: Sequence[TextBlock], sent: Iterable[Message]) -> list[ChatMessage]:
    """The messages that the model's chat template renders. Those of one role that follow each other are one turn.

    Raises InvalidRequest for a block that another role's messages have, and for the result of a call that was not made.
    """
    made = [_said("system", [block.text for block in system])] if system else []
    called: set[str] = set()
    for role, turn in groupby(enumerate(sent), key=lambda each: each[1].role):
        blocks = [
            (f"messages.{number}.content.{place}", block)
            for number, message in turn
            for place, block in enumerate(message.content)
        ]
        _check(role, blocks, called)
        made += [_assistant(blocks)] if role == "assistant" else _others(role, blocks)
    return made


def _check(role: str, blocks: Iterable[Placed], called: set[str]) -> None:
    for where, block in blocks:
        if not isinstance(block, _OWN[role]):
            raise InvalidRequest(f"{where}: Only messages of another role may have a {block.type}.", param=where)
        if isinstance(block, ToolUseBlock):
            called.add(block.id)
        if isinstance(block, ToolResultBlock) and block.tool_use_id not in called:
            raise InvalidRequest(f"{where}: There is no call '{block.tool_use_id}' before its result.", param=where)


def _said(role: str, texts: Iterable[str]) -> ChatMessage:
    return {"role": role, "content": "\n".join(texts)}


def _others(role: str, blocks: Iterable[Placed]) -> list[ChatMessage]:
    """What a user or the system says: texts that follow each other are one message, and so is each result."""
    made: list[ChatMessage] = []
    for is_result, group in groupby((block for _, block in blocks), key=lambda one: isinstance(one, ToolResultBlock)):
        if is_result:
            results = [one for one in group if isinstance(one, ToolResultBlock)]
            made += [{"role": "tool", "tool_call_id": one.tool_use_id, "content": one.text} for one in results]
        else:
            made.append(_said(role, [one.text for one in group if isinstance(one, TextBlock | DocumentBlock)]))
    return made or [_said(role, [])]


def _assistant(blocks: Iterable[Placed]) -> ChatMessage:
    sent = [block for _, block in blocks]
    message = _said("assistant", [block.text for block in sent if isinstance(block, TextBlock)])
    thoughts = [block.thinking or unseal(block.signature) or "" for block in sent if isinstance(block, ThinkingBlock)]
    if reasoning := "\n".join(filter(None, thoughts)):
        message["reasoning_content"] = reasoning
    if calls := [_call(block) for block in sent if isinstance(block, ToolUseBlock)]:
        message["tool_calls"] = calls
    return message


def _call(block: ToolUseBlock) -> dict[str, Any]:
    function = {"name": block.name, "arguments": json.dumps(block.input, ensure_ascii=False)}
    return {"id": block.id, "type": "function", "function": function}
