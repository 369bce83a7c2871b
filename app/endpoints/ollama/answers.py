"""Jobs and their events as Ollama tells them. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from app.endpoints.ollama import memory, wire
from app.endpoints.openai.completion import TURN, finish_reason, token_logprob
from app.endpoints.openai.generated_text import answer, call_id
from app.http.turns import in_turns
from tasks.answers.parser import Arguments, CallBegun, Content, Delta, Reasoning, answer_parser
from tasks.answers.syntax import Syntax
from tasks.records.event import Event
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Outcome
from tasks.records.shown_tokens import ShownTokens

NANOSECONDS = 10**9


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says in an answer, or in a piece of one."""

    content: str = ""
    thinking: str = ""
    calls: tuple[wire.OllamaToolCall, ...] = ()


Form = Callable[[Said], dict[str, Any]]
"""How a call tells what is said."""


def as_message(said: Said) -> dict[str, Any]:
    """In the form of ``/api/chat``."""
    message: wire.OllamaMessage = {"role": "assistant", "content": said.content}
    if said.thinking:
        message["thinking"] = said.thinking
    if said.calls:
        message["tool_calls"] = list(said.calls)
    return {"message": message}


def as_response(said: Said) -> dict[str, Any]:
    """In the form of ``/api/generate``."""
    return {"response": said.content} | ({"thinking": said.thinking} if said.thinking else {})


def rfc3339(seconds: float) -> str:
    """A time since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def figures(job: Job, outcome: Outcome) -> wire.Figures:
    """What a job read and wrote, and where its time went."""
    taken, counted = outcome.timings, outcome.usage
    ended = job.finished_at or job.created_at
    told: wire.Figures = {
        "total_duration": _nanoseconds(ended - job.created_at),
        "load_duration": _nanoseconds(taken.queue_seconds if taken else 0),
        "prompt_eval_count": counted.prompt_tokens,
        "prompt_eval_duration": _nanoseconds(taken.prefill_seconds if taken else 0),
        "eval_count": counted.completion_tokens,
        "eval_duration": _nanoseconds(taken.decode_seconds if taken else 0),
    }
    if counted.answer_cached:
        told["answer_cached"] = True
    return told


def whole(job: Job, outcome: Outcome, form: Form, *, name: str) -> dict[str, Any]:
    """The answer of a job that has ended. `name` is what the request calls the model."""
    (choice,) = outcome.choices
    told = _ended(job, outcome, _said(job, choice.text), form, name=name)
    return told | ({"logprobs": _logprobs(choice.logprobs)} if choice.logprobs else {})


def last_line(job: Job, outcome: Outcome, form: Form, *, name: str) -> dict[str, Any]:
    """The last line of a stream, which has all but what was said."""
    return _ended(job, outcome, Said(), form, name=name)


def empty(form: Form, *, name: str, now: float, reason: Literal["load", "unload"]) -> dict[str, Any]:
    """The answer to a request that says nothing."""
    return {"model": name, "created_at": rfc3339(now), **form(Said()), "done": True, "done_reason": reason}


def _ended(job: Job, outcome: Outcome, said: Said, form: Form, *, name: str) -> dict[str, Any]:
    (choice,) = outcome.choices
    told = {
        "model": name,
        "created_at": rfc3339(job.finished_at or job.created_at),
        **form(said),
        "done": True,
        "done_reason": finish_reason(choice.finish_reason),
        **figures(job, outcome),
    }
    if form is as_response and job.operation is Operation.CHAT:
        made = {"role": "assistant", "content": _said(job, choice.text).content}
        told["context"] = memory.encode([*job.request["messages"], made])
    return told


def _said(job: Job, text: str) -> Said:
    if job.operation is not Operation.CHAT:
        return Said(text)
    parts = answer(job, text)
    calls = (_call(job, number, call.name, call.arguments) for number, call in enumerate(parts.calls))
    return Said(parts.content or "", parts.reasoning or "", tuple(call for call in calls if call))


def _call(job: Job, number: int, name: str, arguments: str) -> wire.OllamaToolCall | None:
    """A call whose arguments are an object; None for one that was cut short, as by the limit of an answer."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return {"id": call_id(job, 0, number), "function": {"index": number, "name": name, "arguments": value}}


def _logprobs(logprobs: Collection[TokenLogprobs]) -> list[Mapping[str, Any]]:
    return [token_logprob(one) for one in in_turns(logprobs, TURN)]


def _nanoseconds(seconds: float) -> int:
    return max(0, round(seconds * NANOSECONDS))


@dataclass(slots=True)
class _OpenCall:
    """A call whose arguments are still coming."""

    number: int
    name: str
    arguments: list[str] = field(default_factory=list)


class Pieces:
    """Makes the pieces of one job's stream, of its token events in order from the first."""

    def __init__(self, job: Job, form: Form, *, name: str) -> None:
        self._job, self._form, self._name = job, form, name
        self._read: Callable[[Event], list[Delta]] = self._first if job.operation is Operation.CHAT else _as_it_is
        self._call: _OpenCall | None = None
        self._shown = ShownTokens[TokenLogprobs]()

    def of(self, event: Event, *, now: float) -> list[dict[str, Any]]:
        """The pieces for an event: one for each kind of thing that it says."""
        told = self._shown.feed(event.text, event.logprobs)
        told += self._shown.finish() if event.finish_reason else []
        said = list(self._told(self._read(event), ends=bool(event.finish_reason)))
        if told and not said:
            said = [Said()]
        made = [self.piece(each, now=now) for each in said]
        if told:
            made[0]["logprobs"] = _logprobs(told)
        return made

    def piece(self, said: Said, *, now: float) -> dict[str, Any]:
        """A piece; one that says nothing shows that the stream is alive."""
        return {"model": self._name, "created_at": rfc3339(now), **self._form(said), "done": False}

    def _first(self, event: Event) -> list[Delta]:
        """Read the first event, which tells how the model writes."""
        parser = answer_parser(self._job.request, Syntax.decode(event.syntax))

        def read(event: Event) -> list[Delta]:
            return parser.feed(event.text) + (parser.finish() if event.finish_reason else [])

        self._read = read
        return read(event)

    def _told(self, deltas: Iterable[Delta], *, ends: bool) -> Iterator[Said]:
        for delta in deltas:
            match delta:
                case Content(text):
                    yield from self._finished_call()
                    yield Said(content=text)
                case Reasoning(text):
                    yield Said(thinking=text)
                case CallBegun(number, name):
                    yield from self._finished_call()
                    self._call = _OpenCall(number, name)
                case Arguments(_, text):
                    assert self._call is not None
                    self._call.arguments.append(text)
        if ends:
            yield from self._finished_call()

    def _finished_call(self) -> Iterator[Said]:
        """A call is told as a whole, since its arguments are an object."""
        if self._call is None:
            return
        made = _call(self._job, self._call.number, self._call.name, "".join(self._call.arguments))
        self._call = None
        if made:
            yield Said(calls=(made,))


def _as_it_is(event: Event) -> list[Delta]:
    return [Content(event.text)] if event.text else []
