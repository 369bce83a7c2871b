"""The items of a response's output, and the events that tell of them while they grow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from app.endpoints.openai import generated_text
from app.endpoints.openai.completion import TURN, token_logprob
from app.endpoints.openai.responses import stream_wire
from app.endpoints.openai.responses.custom_tools import custom_names
from app.endpoints.openai.responses.growing import PREFIX, Growing, Kind
from app.endpoints.openai.responses.names import own_name
from app.endpoints.openai.responses.wire import (
    ItemStatus,
    OutputItem,
)
from app.endpoints.openai.wire import TokenLogprob
from app.http.turns import in_turns
from tasks.answers.parser import Arguments, CallBegun, Content, Delta, Reasoning, answer_parser
from tasks.answers.syntax import Syntax
from tasks.records.job import Job
from tasks.records.logprobs import TokenLogprobs
from tasks.records.shown_tokens import ShownTokens


class Output:
    """Takes generated text apart into items. Which there are in the end does not depend on how the text was cut."""

    def __init__(self, job: Job, syntax: str, *, numbers: Iterator[int] | None = None) -> None:
        self.items: list[OutputItem] = []
        """Those that are complete."""
        self._job = job
        self._parser = answer_parser(job.request, Syntax.decode(syntax))
        self._custom = custom_names(job.request["response"]["tools"])
        self._growing: Growing | None = None
        self._shown = ShownTokens[TokenLogprobs]()
        self._logprobs: list[TokenLogprob] = []
        """Of text that the parser holds back."""
        self._numbers = count() if numbers is None else numbers
        """Those of the stream's next events."""

    def feed(self, text: str, logprobs: Iterable[TokenLogprobs] = ()) -> list[stream_wire.ResponseStreamEvent]:
        """The events for more text."""
        self._logprobs += map(token_logprob, in_turns(self._shown.feed(text, logprobs), TURN))
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
                kind: Kind = "custom_tool_call" if name in self._custom else "function_call"
                return self._begin(kind, call_id=generated_text.call_id(self._job, 0, call), name=name)
            case Arguments(_, text):
                return self._grow_call(text)
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

    def _grow_call(self, arguments: str) -> list[stream_wire.ResponseStreamEvent]:
        """More of a call's arguments; of a tool that takes a text, the part of it that they hold."""
        if self._growing is None or self._growing.kind != "custom_tool_call":
            return self._grow("function_call", arguments)
        text = self._growing.reader.feed(arguments)
        return self._grow("custom_tool_call", text) if text else []

    def _begin(self, kind: Kind, *, call_id: str = "", name: str = "") -> list[stream_wire.ResponseStreamEvent]:
        made, index = self._end("completed"), len(self.items)
        item_id = f"{PREFIX[kind]}{self._job.id}_{index}"
        own, namespace = own_name(name, self._job.request["response"]["tools"])
        growing = Growing(
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
        if not growing.is_call:
            made.append(self._part_event("response.content_part.added", growing))
        return made

    def _end(self, status: ItemStatus) -> list[stream_wire.ResponseStreamEvent]:
        growing, self._growing = self._growing, None
        if growing is None:
            return []
        self._take_logprobs(growing)  # those that no text came for
        made: list[stream_wire.ResponseStreamEvent] = [growing.done(next(self._numbers))]
        if not growing.is_call:
            made.append(self._part_event("response.content_part.done", growing))
        self.items.append(growing.item(status))
        made.append(self._item_event("response.output_item.done", growing.index, self.items[-1]))
        return made

    def _item_event(self, kind: stream_wire.ItemEventType, index: int, item: OutputItem) -> stream_wire.ItemEvent:
        return {"type": kind, "sequence_number": next(self._numbers), "output_index": index, "item": item}

    def _part_event(self, kind: stream_wire.PartEventType, growing: Growing) -> stream_wire.PartEvent:
        return {"type": kind, **growing.of_part(next(self._numbers)), "part": growing.part()}

    def _take_logprobs(self, growing: Growing) -> list[TokenLogprob]:
        """Give a message those that were held back; no other item has any."""
        if growing.kind != "message":
            return []
        taken, self._logprobs = self._logprobs, []
        growing.logprobs += taken
        return taken
