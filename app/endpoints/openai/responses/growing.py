"""An item of the output while the model writes it: what it is so far, and the events for more of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.endpoints.openai.responses import stream_wire
from app.endpoints.openai.responses.custom_tools import InputReader
from app.endpoints.openai.responses.sealed import seal
from app.endpoints.openai.responses.wire import (
    CalledFunction,
    CustomCallItem,
    FunctionCallItem,
    ItemStatus,
    OutputItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
)
from app.endpoints.openai.wire import TokenLogprob

Kind = Literal["message", "reasoning", "function_call", "custom_tool_call"]
PREFIX: dict[Kind, str] = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}


@dataclass(slots=True, kw_only=True)
class Growing:
    """The item that the model is writing: a message, its reasoning, or a call of a tool."""

    kind: Kind
    id: str
    index: int
    call_id: str = ""
    name: str = ""
    namespace: str | None = None
    """Of a call, the function's."""
    sealed: bool = False
    """Of reasoning, whether it is told as an opaque text as well."""
    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    reader: InputReader = field(default_factory=InputReader)
    """Of a call of a tool that takes a text: reads it out of the arguments."""

    @property
    def is_call(self) -> bool:
        return self.kind in ("function_call", "custom_tool_call")

    def part(self) -> OutputText | ReasoningText:
        """The one part of its content, as it is now."""
        return self._reasoning() if self.kind == "reasoning" else self._said()

    def item(self, status: ItemStatus) -> OutputItem:
        """The item as it is now; without content as long as it has begun and no more."""
        empty = status == "in_progress"
        if self.kind == "custom_tool_call":
            custom: CustomCallItem = {
                "id": self.id,
                "type": "custom_tool_call",
                "status": status,
                "call_id": self.call_id,
                "name": self.name,
                "input": self.text,
            }
            if self.namespace is not None:
                custom["namespace"] = self.namespace
            return custom
        if self.kind == "function_call":
            call: FunctionCallItem = {
                "id": self.id,
                "type": "function_call",
                "status": status,
                "call_id": self.call_id,
                "name": self.name,
                "arguments": self.text,
            }
            if self.namespace is not None:
                call["namespace"] = self.namespace
            return call
        if self.kind == "reasoning":
            content = [] if empty else [self._reasoning()]
            reasoning: ReasoningItem = {
                "id": self.id,
                "type": "reasoning",
                "status": status,
                "summary": [],
                "content": content,
            }
            if self.sealed and not empty:
                reasoning["encrypted_content"] = seal(self.text)
            return reasoning
        said = [] if empty else [self._said()]
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": said}

    def delta(
        self, number: int, text: str, logprobs: list[TokenLogprob]
    ) -> stream_wire.TextDelta | stream_wire.ArgumentsDelta | stream_wire.InputDelta:
        """The event for more text; a message's comes with its logprobs."""
        if self.kind == "custom_tool_call":
            return {"type": "response.custom_tool_call_input.delta", **self.of_item(number), "delta": text}
        if self.kind == "function_call":
            return {"type": "response.function_call_arguments.delta", **self.of_item(number), "delta": text}
        made: stream_wire.TextDelta = {
            "type": "response.reasoning_text.delta" if self.kind == "reasoning" else "response.output_text.delta",
            "sequence_number": number,
            "item_id": self.id,
            "output_index": self.index,
            "content_index": 0,
            "delta": text,
        }
        if self.kind == "message":
            made["logprobs"] = logprobs
        return made

    def done(self, number: int) -> stream_wire.TextDone | stream_wire.ArgumentsDone | stream_wire.InputDone:
        """The event for the end of its text."""
        if self.kind == "custom_tool_call":
            return {"type": "response.custom_tool_call_input.done", **self.of_item(number), "input": self.text}
        if self.kind == "function_call":
            whole: CalledFunction = {"name": self.name, "arguments": self.text}
            return {"type": "response.function_call_arguments.done", **self.of_item(number), **whole}
        made: stream_wire.TextDone = {
            "type": "response.reasoning_text.done" if self.kind == "reasoning" else "response.output_text.done",
            "sequence_number": number,
            "item_id": self.id,
            "output_index": self.index,
            "content_index": 0,
            "text": self.text,
        }
        if self.kind == "message":
            made["logprobs"] = list(self.logprobs)
        return made

    def of_item(self, number: int) -> stream_wire.OfItem:
        return {"sequence_number": number, "item_id": self.id, "output_index": self.index}

    def of_part(self, number: int) -> stream_wire.OfPart:
        return {**self.of_item(number), "content_index": 0}

    def _said(self) -> OutputText:
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": list(self.logprobs)}

    def _reasoning(self) -> ReasoningText:
        return {"type": "reasoning_text", "text": self.text}
