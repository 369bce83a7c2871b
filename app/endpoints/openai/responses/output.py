"""The items of a response's output, and the events that tell of them while they grow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from app.endpoints.openai import generated_text
from app.endpoints.openai.completion import token_logprob
from app.endpoints.openai.responses import stream_wire
from app.endpoints.openai.responses.sealed import seal
from app.endpoints.openai.responses.tools import own_name
from app.endpoints.openai.responses.wire import (
    CalledFunction,
    FunctionCallItem,
    ItemStatus,
    OutputItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
)
from app.endpoints.openai.wire import TokenLogprob
from tasks.answers.parser import Arguments, CallBegun, Content, Delta, Reasoning, answer_parser
from tasks.answers.syntax import Syntax
from tasks.records.job import Job
from tasks.records.logprobs import TokenLogprobs
from tasks.records.shown_tokens import ShownTokens

Kind = Literal["message", "reasoning", "function_call"]
_PREFIX: dict[Kind, str] = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_"}


@dataclass(slots=True, kw_only=True)
class _Growing:
    """The item that the model is writing: a message, its reasoning, or a call of a function."""

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

    def part(self) -> OutputText | ReasoningText:
        """The one part of its content, as it is now."""
        return self._reasoning() if self.kind == "reasoning" else self._said()

    def item(self, status: ItemStatus) -> OutputItem:
        """The item as it is now; without content as long as it has begun and no more."""
        empty = status == "in_progress"
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
    ) -> stream_wire.TextDelta | stream_wire.ArgumentsDelta:
        """The event for more text; a message's comes with its logprobs."""
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

    def done(self, number: int) -> stream_wire.TextDone | stream_wire.ArgumentsDone:
        """The event for the end of its text."""
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


class Output:
    """Takes generated text apart into items. Which there are in the end does not depend on how the text was cut."""

    def __init__(self, job: Job, syntax: str, *, numbers: Iterator[int] | None = None) -> None:
        self.items: list[OutputItem] = []
        """Those that are complete."""
        self._job = job
        self._parser = answer_parser(job.request, Syntax.decode(syntax))
        self._growing: _Growing | None = None
        self._shown = ShownTokens()
        self._logprobs: list[TokenLogprob] = []
        """Of text that the parser holds back."""
        self._numbers = count() if numbers is None else numbers
        """Those of the stream's next events."""

    def feed(self, text: str, logprobs: Iterable[TokenLogprobs] = ()) -> list[stream_wire.ResponseStreamEvent]:
        """The events for more text."""
        self._logprobs += map(token_logprob, self._shown.feed(text, logprobs))
        return self._add(self._parser.feed(text))

    def finish(self, *, cut: bool) -> list[stream_wire.ResponseStreamEvent]:
        """The events for the end of the text. What was cut short is incomplete; saying nothing is an empty message."""
        self._logprobs += map(token_logprob, self._shown.finish())
        made = self._add(self._parser.finish())
        if not self.items and self._growing is None:
            made += self._begin("message")
        return made + self._end("incomplete" if cut else "completed")

    def _add(self, deltas: Iterable[Delta]) -> list[stream_wire.ResponseStreamEvent]:
        return [event for delta in deltas for event in self._events(delta)]

    def _events(self, delta: Delta) -> list[stream_wire.ResponseStreamEvent]:
        match delta:
            case CallBegun(call, name):
                return self._begin("function_call", call_id=generated_text.call_id(self._job, 0, call), name=name)
            case Arguments(_, text):
                return self._grow("function_call", text)
            case Reasoning(text):
                return self._grow("reasoning", text)
            case Content(text):
                return self._grow("message", text)

    def _grow(self, kind: Kind, text: str) -> list[stream_wire.ResponseStreamEvent]:
        made = [] if self._growing and self._growing.kind == kind else self._begin(kind)
        growing = self._growing
        assert growing is not None
        growing.text += text
        logprobs = self._take_logprobs(growing)
        return [*made, growing.delta(next(self._numbers), text, logprobs)]

    def _begin(self, kind: Kind, *, call_id: str = "", name: str = "") -> list[stream_wire.ResponseStreamEvent]:
        made, index = self._end("completed"), len(self.items)
        item_id = f"{_PREFIX[kind]}{self._job.id}_{index}"
        own, namespace = own_name(name, self._job.request["response"]["tools"])
        growing = _Growing(
            kind=kind,
            id=item_id,
            index=index,
            call_id=call_id,
            name=own,
            namespace=namespace,
            sealed=bool(self._job.request.get("sealed_reasoning")),
        )
        self._growing = growing
        made.append(self._item_event("response.output_item.added", index, growing.item("in_progress")))
        if kind != "function_call":
            made.append(self._part_event("response.content_part.added", growing))
        return made

    def _end(self, status: ItemStatus) -> list[stream_wire.ResponseStreamEvent]:
        growing, self._growing = self._growing, None
        if growing is None:
            return []
        self._take_logprobs(growing)  # those that no text came for
        made: list[stream_wire.ResponseStreamEvent] = [growing.done(next(self._numbers))]
        if growing.kind != "function_call":
            made.append(self._part_event("response.content_part.done", growing))
        self.items.append(growing.item(status))
        made.append(self._item_event("response.output_item.done", growing.index, self.items[-1]))
        return made

    def _item_event(self, kind: stream_wire.ItemEventType, index: int, item: OutputItem) -> stream_wire.ItemEvent:
        return {"type": kind, "sequence_number": next(self._numbers), "output_index": index, "item": item}

    def _part_event(self, kind: stream_wire.PartEventType, growing: _Growing) -> stream_wire.PartEvent:
        return {"type": kind, **growing.of_part(next(self._numbers)), "part": growing.part()}

    def _take_logprobs(self, growing: _Growing) -> list[TokenLogprob]:
        """Give a message those that were held back; no other item has any."""
        if growing.kind != "message":
            return []
        taken, self._logprobs = self._logprobs, []
        growing.logprobs += taken
        return taken
