"""The blocks of an answer, and the events that tell of them while they grow. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json

from app.endpoints.anthropic import wire
from app.endpoints.openai.generated_text import call_id
from app.endpoints.openai.responses.sealed import seal
from tasks.answers.parser import Arguments, CallBegun, Content, Delta, Reasoning, answer_parser
from tasks.answers.syntax import Syntax
from tasks.records.job import Job


class Blocks:
    """Takes generated text apart into blocks. Which there are in the end does not depend on how the text was cut.

    Args:
        syntax: how the model writes calls and reasoning, as a worker told it.
        shows_thinking: whether the text of the reasoning is told; without it, its signature holds it.
    """

    def __init__(self, job: Job, syntax: str, *, shows_thinking: bool = True) -> None:
        self.made: list[wire.BlockOut] = []
        """Those that were begun; all but the last are complete."""
        self._job, self._shows_thinking = job, shows_thinking
        self._parser = answer_parser(job.request, Syntax.decode(syntax))
        self._pieces: list[str] = []
        """Of the block that grows."""
        self._grows = False

    @property
    def calls(self) -> bool:
        """Whether a tool is called."""
        return any(block["type"] == "tool_use" for block in self.made)

    def feed(self, text: str) -> list[wire.BlockEvent]:
        """The events for more text."""
        return self._tell(self._parser.feed(text))

    def finish(self) -> list[wire.BlockEvent]:
        """The events for the end of the text."""
        return [*self._tell(self._parser.finish()), *self._end()]

    def _tell(self, deltas: Iterable[Delta]) -> list[wire.BlockEvent]:
        return [event for delta in deltas for event in self._events(delta)]

    def _events(self, delta: Delta) -> list[wire.BlockEvent]:
        match delta:
            case Content(text):
                return [*self._in("text"), *self._grow(text, {"type": "text_delta", "text": text})]
            case Reasoning(text):
                piece: wire.ThinkingDelta = {"type": "thinking_delta", "thinking": text}
                return [*self._in("thinking"), *self._grow(text, piece if self._shows_thinking else None)]
            case CallBegun(call, name):
                return self._begin({"type": "tool_use", "id": call_id(self._job, 0, call), "name": name, "input": {}})
            case Arguments(_, text):
                return self._grow(text, {"type": "input_json_delta", "partial_json": text})

    def _in(self, kind: str) -> list[wire.BlockEvent]:
        """The beginning of a block of a kind, unless it is one that grows."""
        if self._grows and self.made[-1]["type"] == kind:
            return []
        empty: wire.BlockOut = {"type": "text", "text": "", "citations": None}
        return self._begin(empty if kind == "text" else {"type": "thinking", "thinking": "", "signature": ""})

    def _begin(self, block: wire.BlockOut) -> list[wire.BlockEvent]:
        ended = self._end()
        self._grows = True
        self.made.append(block)
        shown: Any = {**block}
        return [*ended, {"type": "content_block_start", "index": len(self.made) - 1, "content_block": shown}]

    def _grow(self, text: str, delta: wire.Delta | None) -> list[wire.BlockEvent]:
        self._pieces.append(text)
        return [self._delta(delta)] if delta else []

    def _end(self) -> list[wire.BlockEvent]:
        if not self._grows:
            return []
        text, block, told = "".join(self._pieces), self.made[-1], list[wire.BlockEvent]()
        self._grows, self._pieces = False, []
        if block["type"] == "text":
            block["text"] = text
        elif block["type"] == "thinking":
            block["thinking"] = text if self._shows_thinking else ""
            block["signature"] = _signature(text) if self._shows_thinking else seal(text)
            told.append(self._delta({"type": "signature_delta", "signature": block["signature"]}))
        else:
            block["input"] = _input(text)
        return [*told, {"type": "content_block_stop", "index": len(self.made) - 1}]

    def _delta(self, delta: wire.Delta) -> wire.BlockDelta:
        return {"type": "content_block_delta", "index": len(self.made) - 1, "delta": delta}


def _signature(text: str) -> str:
    """What clients want with a text of reasoning; nothing is checked by it."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _input(arguments: str) -> dict[str, Any]:
    """The arguments of a call, so far as they came."""
    try:
        found = from_json(arguments, allow_partial=True)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
