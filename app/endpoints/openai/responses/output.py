"""The items of a response's output, and the events that tell of them while they grow. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from app.endpoints.openai.completion import token_logprob as token_logprob
from app.endpoints.openai.generated_text import answer_parser, call_id
from tasks.answers.parser import Arguments, CallBegun, Content, Delta, Reasoning
from tasks.records.job import Job
from tasks.records.logprobs import TokenLogprobs

Kind = Literal["message", "reasoning", "function_call"]
_PREFIX: dict[Kind, str] = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_"}
_TEXT: dict[Kind, str] = {
    "message": "response.output_text",
    "reasoning": "response.reasoning_text",
    "function_call": "response.function_call_arguments",
}
"""What the events are called that tell of an item's text."""


@dataclass(slots=True)
class _Growing:
    """The item that the model is writing."""

    kind: Kind
    place: dict[str, Any]
    """Where it stands, as its events tell it."""
    call: dict[str, str]
    """Of a call, its id and the function's name."""
    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)

    def part(self) -> dict[str, Any]:
        """The one part of its content, as it is now."""
        if self.kind == "reasoning":
            return {"type": "reasoning_text", "text": self.text}
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": list(self.logprobs)}

    def item(self, status: str) -> dict[str, Any]:
        """The item as it is now; without content as long as it has begun and no more."""
        base = {"id": self.place["item_id"], "type": self.kind, "status": status}
        if self.kind == "function_call":
            return {**base, **self.call, "arguments": self.text}
        content = [] if status == "in_progress" else [self.part()]
        if self.kind == "reasoning":
            return {**base, "summary": [], "content": content}
        return {**base, "role": "assistant", "content": content}


class Output:
    """Takes generated text apart into items. Events come without their sequence numbers.

    Which items there are in the end does not depend on how the text was cut.
    """

    def __init__(self, job: Job, syntax: str) -> None:
        self.items: list[dict[str, Any]] = []
        """Those that are complete."""
        self._job = job
        self._parser = answer_parser(job, syntax)
        self._growing: _Growing | None = None
        self._logprobs: list[dict[str, Any]] = []
        """Of text that the parser holds back."""

    def feed(self, text: str, logprobs: Iterable[TokenLogprobs] = ()) -> list[dict[str, Any]]:
        """The events for more text."""
        self._logprobs += map(token_logprob, logprobs)
        return self._add(self._parser.feed(text))

    def finish(self, *, cut: bool) -> list[dict[str, Any]]:
        """The events for the end of the text. What was cut short is incomplete; saying nothing is an empty message."""
        made = self._add(self._parser.finish())
        if not self.items and self._growing is None:
            made += self._begin("message")
        return made + self._end("incomplete" if cut else "completed")

    def _add(self, deltas: Iterable[Delta]) -> list[dict[str, Any]]:
        return [event for delta in deltas for event in self._events(delta)]

    def _events(self, delta: Delta) -> list[dict[str, Any]]:
        match delta:
            case CallBegun(call, name):
                return self._begin("function_call", call_id=call_id(self._job, 0, call), name=name)
            case Arguments(_, text):
                return self._grow("function_call", text)
            case Reasoning(text):
                return self._grow("reasoning", text)
            case Content(text):
                return self._grow("message", text)

    def _grow(self, kind: Kind, text: str) -> list[dict[str, Any]]:
        made = [] if self._growing and self._growing.kind == kind else self._begin(kind)
        growing = self._growing
        assert growing is not None
        growing.text += text
        event = {"type": f"{_TEXT[kind]}.delta", **growing.place, "delta": text}
        if kind == "message":
            event["logprobs"], self._logprobs = self._logprobs, []
            growing.logprobs += event["logprobs"]
        return [*made, event]

    def _begin(self, kind: Kind, **call: str) -> list[dict[str, Any]]:
        made = self._end("completed")
        index = len(self.items)
        place: dict[str, Any] = {"item_id": f"{_PREFIX[kind]}{self._job.id}_{index}", "output_index": index}
        if kind != "function_call":
            place["content_index"] = 0
        self._growing = growing = _Growing(kind, place, call)
        made.append({"type": "response.output_item.added", "output_index": index, "item": growing.item("in_progress")})
        if kind != "function_call":
            made.append({"type": "response.content_part.added", **place, "part": growing.part()})
        return made

    def _end(self, status: str) -> list[dict[str, Any]]:
        growing, self._growing = self._growing, None
        if growing is None:
            return []
        done: dict[str, Any] = {"type": f"{_TEXT[growing.kind]}.done", **growing.place}
        if growing.kind == "function_call":
            made = [{**done, "name": growing.call["name"], "arguments": growing.text}]
        else:
            logprobs = self._last_logprobs(growing)
            part = {"type": "response.content_part.done", **growing.place, "part": growing.part()}
            made = [{**done, "text": growing.text, **logprobs}, part]
        item = growing.item(status)
        self.items.append(item)
        return [*made, {"type": "response.output_item.done", "output_index": done["output_index"], "item": item}]

    def _last_logprobs(self, growing: _Growing) -> dict[str, Any]:
        """A message takes those that no text came for."""
        if growing.kind != "message":
            return {}
        growing.logprobs += self._logprobs
        self._logprobs = []
        return {"logprobs": list(growing.logprobs)}
