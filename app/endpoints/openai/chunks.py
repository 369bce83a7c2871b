"""A job's events as the chunks of an OpenAI stream."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from app.endpoints.openai.completion import chat_logprobs, completion_logprobs, echoed, finish_reason, head
from app.endpoints.openai.generated_text import answer_parser, call_id
from tasks.answers.parser import AnswerParser, Arguments, CallBegun, Content, Delta, Reasoning
from tasks.records.event import Event
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Outcome

_OBJECT = {Operation.CHAT: "chat.completion.chunk", Operation.COMPLETION: "text_completion"}


def usage_chunk(job: Job, outcome: Outcome) -> dict[str, Any]:
    """The chunk that ``stream_options.include_usage`` asks for: no choices, only the counts."""
    return {**head(job, _OBJECT[job.operation]), "choices": [], "usage": outcome.usage.to_wire()}


@dataclass(slots=True)
class _Choice:
    """How far one choice is."""

    parser: AnswerParser
    begun: bool = False
    calls: bool = False
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    """Of text that the parser holds back."""


class Chunks:
    """Makes the chunks of one job's events, which come in order from its first."""

    def __init__(self, job: Job, *, include_usage: bool = False) -> None:
        self._job = job
        self._include_usage = include_usage
        self._choices: dict[int, _Choice] = {}
        self._echoed: set[int] = set()
        self._offsets: defaultdict[int, int] = defaultdict(int)
        """Characters of each completion's tokens so far."""

    def of(self, event: Event) -> list[dict[str, Any]]:
        """The chunks for one token event: what may be told of its text, then the end of the choice if it is that."""
        return self._chat(event) if self._job.operation is Operation.CHAT else self._completion(event)

    def _completion(self, event: Event) -> list[dict[str, Any]]:
        made, text = [], event.text
        if event.index not in self._echoed:
            self._echoed.add(event.index)
            text = echoed(self._job, event.index) + text
        if text or event.logprobs:
            logprobs = completion_logprobs(event.logprobs or None, self._offsets[event.index])
            made.append(self._chunk(event.index, {"text": text}, logprobs))
            self._offsets[event.index] += sum(map(len, logprobs["tokens"])) if logprobs else 0
        if event.finish_reason:
            made.append(self._chunk(event.index, {"text": ""}, None, event.finish_reason))
        return made

    def _chat(self, event: Event) -> list[dict[str, Any]]:
        choice = self._choices.get(event.index)
        if choice is None:
            choice = self._choices[event.index] = _Choice(answer_parser(self._job, event.syntax))
        deltas = choice.parser.feed(event.text)
        if event.finish_reason:
            deltas += choice.parser.finish()
        choice.logprobs += event.logprobs
        made = []
        for delta in deltas:
            made += self._begin(event.index, choice, delta)
            logprobs, choice.logprobs = chat_logprobs(choice.logprobs or None), []
            made.append(self._chunk(event.index, self._piece(event.index, delta), logprobs))
            choice.calls |= isinstance(delta, CallBegun)
        if event.finish_reason:
            made += self._begin(event.index, choice)
            reason = finish_reason(event.finish_reason, calls=choice.calls)
            made.append(self._chunk(event.index, {}, chat_logprobs(choice.logprobs or None), reason))
        return made

    def _begin(self, index: int, choice: _Choice, first: Delta | None = None) -> list[dict[str, Any]]:
        """A chat's choice begins by saying who speaks."""
        if choice.begun:
            return []
        choice.begun = True
        piece = {"role": "assistant", "content": None if isinstance(first, CallBegun) else ""}
        return [self._chunk(index, piece, None)]

    def _piece(self, index: int, delta: Delta) -> dict[str, Any]:
        match delta:
            case Content(text):
                return {"content": text}
            case Reasoning(text):
                return {"reasoning_content": text}
            case CallBegun(call, name):
                function: dict[str, Any] = {"name": name, "arguments": ""}
                begun = {"index": call, "id": call_id(self._job, index, call), "type": "function", "function": function}
                return {"tool_calls": [begun]}
            case Arguments(call, text):
                return {"tool_calls": [{"index": call, "function": {"arguments": text}}]}

    def _chunk(
        self, index: int, piece: dict[str, Any], logprobs: dict[str, Any] | None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        said = {"delta": piece} if self._job.operation is Operation.CHAT else piece
        choice = {"index": index, **said, "logprobs": logprobs, "finish_reason": finish_reason}
        chunk = {**head(self._job, _OBJECT[self._job.operation]), "choices": [choice]}
        return {**chunk, "usage": None} if self._include_usage else chunk
