"""A job's events as the chunks of an OpenAI stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.bodies.service_tier import served_as
from app.endpoints.openai import completion, wire
from app.endpoints.openai.generated_text import call_id
from app.endpoints.openai.timings import RunningTimings, prompt_progress
from tasks.answers.parser import AnswerParser, Arguments, CallBegun, Content, Delta, Reasoning, answer_parser
from tasks.answers.syntax import Syntax
from tasks.records.event import Event
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Outcome, Usage
from tasks.records.shown_tokens import Offsets, ShownTokens
from tasks.records.wire import usage

Chunk = wire.ChatChunk | wire.CompletionChunk


def usage_chunk(job: Job, outcome: Outcome) -> Chunk:
    """The chunk that ``stream_options.include_usage`` asks for: no choices, only the counts."""
    made: Chunk = _chat_chunk(job) if job.operation is Operation.CHAT else _completion_chunk(job)
    made["usage"] = usage(outcome.usage)
    return made


def _says_who(made: Sequence[Chunk]) -> bool:
    """Whether the first of an event's chunks says who speaks, and nothing else: as llama-server's it has no times."""
    choices: Sequence[Any] = made[0]["choices"] if made else ()
    return any("role" in choice.get("delta", {}) for choice in choices)


def _chat_chunk(job: Job, *choices: wire.ChatChunkChoice) -> wire.ChatChunk:
    made, name = completion.made_of(job), completion.object_id(job)
    kind: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    chunk: wire.ChatChunk = {
        "id": name,
        "object": kind,
        "created": made["created"],
        "model": made["model"],
        "system_fingerprint": made["system_fingerprint"],
        "choices": [*choices],
    }
    if tier := served_as(job):
        chunk["service_tier"] = tier
    return chunk


def _completion_chunk(job: Job, *choices: wire.CompletionChunkChoice) -> wire.CompletionChunk:
    made, name = completion.made_of(job), completion.object_id(job)
    kind: Literal["text_completion"] = "text_completion"
    return {
        "id": name,
        "object": kind,
        "created": made["created"],
        "model": made["model"],
        "system_fingerprint": made["system_fingerprint"],
        "choices": [*choices],
    }


@dataclass(slots=True)
class _Choice:
    """How far one choice is."""

    parser: AnswerParser
    begun: bool = False
    calls: bool = False
    shown: ShownTokens[TokenLogprobs] = field(default_factory=ShownTokens)
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    """Of text that the parser holds back."""


class Chunks:
    """Makes the chunks of one job's events, which come in order from its first."""

    def __init__(self, job: Job, *, include_usage: bool = False, continuous_usage: bool = False) -> None:
        self._job = job
        self._include_usage = include_usage
        self._so_far = Usage(prompt_tokens=0, completion_tokens=0) if continuous_usage else None
        self._timings = RunningTimings(job)
        self._num_open = int(job.request.get("sampling", {}).get("n", 1)) * len(job.request.get("prompt", [""]))
        self._choices: dict[int, _Choice] = {}
        self._echoed: set[int] = set()
        self._offsets: defaultdict[int, Offsets] = defaultdict(Offsets)
        self._shown: defaultdict[int, ShownTokens[TokenLogprobs]] = defaultdict(ShownTokens)

    def of(self, event: Event) -> Sequence[Chunk]:
        """The chunks for one token event: what may be told of its text, then the end of the choice if it is that."""
        made: list[Chunk] = []
        if self._job.operation is Operation.CHAT:
            made += [_chat_chunk(self._job, choice) for choice in self._chat(event)]
        else:
            made += [_completion_chunk(self._job, choice) for choice in self._completion(event)]
        self._count(event)
        self._num_open -= event.finish_reason is not None
        if self._so_far or self._include_usage:
            for chunk in made:
                chunk["usage"] = usage(self._so_far) if self._so_far else None
        if taken := self._timings.of(event):
            for chunk in made[_says_who(made) :]:
                chunk["timings"] = taken
        return made

    def progress(self, event: Event) -> Chunk:
        """The chunk that tells how far a prompt has been read. It has a choice, since clients ask for the first."""
        made: Chunk
        if self._job.operation is Operation.CHAT:
            said: wire.ChatDelta = {"role": "assistant", "content": None}
            made = _chat_chunk(
                self._job, {"index": event.index, "delta": said, "logprobs": None, "finish_reason": None}
            )
        else:
            made = _completion_chunk(
                self._job, {"index": event.index, "text": "", "logprobs": None, "finish_reason": None}
            )
        made["prompt_progress"] = prompt_progress(event)
        if taken := self._timings.of(event):
            made["timings"] = taken
        if self._so_far or self._include_usage:
            made["usage"] = usage(self._so_far) if self._so_far else None
        return made

    @property
    def complete(self) -> bool:
        """Whether every choice has ended: what comes last is the end of the last one."""
        return self._num_open == 0

    def _count(self, event: Event) -> None:
        """Add an event's tokens to those so far. The choices of one prompt have it in common."""
        if self._so_far:
            is_first_of_prompt = event.index % self._job.request["sampling"]["n"] == 0
            self._so_far = Usage(
                prompt_tokens=self._so_far.prompt_tokens + (event.prompt_tokens if is_first_of_prompt else 0),
                completion_tokens=self._so_far.completion_tokens + len(event.tokens),
            )

    def _completion(self, event: Event) -> list[wire.CompletionChunkChoice]:
        made: list[wire.CompletionChunkChoice] = []
        index, text = event.index, event.text
        if index not in self._echoed:
            self._echoed.add(index)
            text = completion.echoed(self._job, index, event.prompt) + text
        if (covered := self._covered(event)) or text:
            logprobs = completion.completion_logprobs(covered or None, self._offsets[index])
            made.append({"index": index, "text": text, "logprobs": logprobs, "finish_reason": None})
        if event.finish_reason:
            reason = completion.finish_reason(event.finish_reason)
            made.append({"index": index, "text": "", "logprobs": None, "finish_reason": reason})
        return made

    def _covered(self, event: Event) -> Sequence[TokenLogprobs]:
        """The logprobs that may be told: those of the prompt, which come with the first piece, and of what is shown."""
        asked = self._job.request.get("sampling", {}).get("prompt_logprobs")
        num_prompt, shown = event.prompt_tokens if asked else 0, self._shown[event.index]
        covered = [*event.logprobs[:num_prompt], *shown.feed(event.text, event.logprobs[num_prompt:])]
        return [*covered, *shown.finish()] if event.finish_reason else covered

    def _chat(self, event: Event) -> list[wire.ChatChunkChoice]:
        choice = self._choices.get(event.index)
        if choice is None:
            choice = self._choices[event.index] = _Choice(answer_parser(self._job.request, Syntax.decode(event.syntax)))
        deltas = choice.parser.feed(event.text)
        choice.logprobs += choice.shown.feed(event.text, event.logprobs)
        if event.finish_reason:
            deltas += choice.parser.finish()
            choice.logprobs += choice.shown.finish()
        made: list[wire.ChatChunkChoice] = []
        for delta in deltas:
            made += self._begin(event.index, choice)
            logprobs, choice.logprobs = completion.chat_logprobs(choice.logprobs or None), []
            piece = self._piece(event.index, delta)
            made.append({"index": event.index, "delta": piece, "logprobs": logprobs, "finish_reason": None})
            choice.calls |= isinstance(delta, CallBegun)
        if event.finish_reason:
            made += self._begin(event.index, choice)
            reason = completion.chat_finish_reason(event.finish_reason, calls=choice.calls)
            logprobs = completion.chat_logprobs(choice.logprobs or None)
            made.append({"index": event.index, "delta": {}, "logprobs": logprobs, "finish_reason": reason})
        return made

    def _begin(self, index: int, choice: _Choice) -> list[wire.ChatChunkChoice]:
        """A chat's choice begins by saying who speaks, and as llama-server's with nothing said."""
        if choice.begun:
            return []
        choice.begun = True
        piece: wire.ChatDelta = {"role": "assistant", "content": None}
        return [{"index": index, "delta": piece, "logprobs": None, "finish_reason": None}]

    def _piece(self, index: int, delta: Delta) -> wire.ChatDelta:
        match delta:
            case Content(text):
                return {"content": text}
            case Reasoning(text):
                return {"reasoning_content": text}
            case CallBegun(call, name):
                named: wire.CalledPart = {"name": name, "arguments": ""}
                call_name = call_id(self._job, index, call)
                begun: wire.CallDelta = {"index": call, "id": call_name, "type": "function", "function": named}
                return {"tool_calls": [begun]}
            case Arguments(call, text):
                return {"tool_calls": [{"index": call, "function": {"arguments": text}}]}
