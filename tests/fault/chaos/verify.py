"""Whether a job's stream, its result, what its watcher saw and what was expected are the same. Pure functions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema

from tasks.records.event import Event
from tasks.records.logprobs import TokenLogprobs
from tests.fault.chaos.bodies import HERD, Order
from tests.support.sse import Received

Class = Literal["lost", "tokens", "text", "status", "answer", "leak", "dead letter"]


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be. Without a job id it is the cluster's."""

    kind: Class
    job_id: str
    what: str


@dataclass(slots=True)
class Streamed:
    """What the stream says of one choice, put together."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def verify(
    order: Order,
    job: Mapping[str, Any],
    stream: Sequence[Event],
    *,
    seen: Sequence[Received] | None,
    known: str | None,
    was_cancelled: bool = False,
) -> list[Violation]:
    """All that is wrong with a job that has ended.

    Args:
        job: as ``GET /jobs/<id>`` shows it.
        seen: what its watcher was shown, if it had one.
        known: the text of an undisturbed run, if the job is greedy.
        was_cancelled: the cancellation was answered well.
    """
    found: list[tuple[Class, str]] = [("tokens", what) for what in contiguous(stream)]
    found += [("status", what) for what in _status(order, job, was_cancelled=was_cancelled)]
    streamed = tell(stream)
    if job["result"] is not None:
        found += list(_result(order, job, streamed))
    if seen is not None:
        found += [("tokens", what) for what in shown(stream, seen)]
        found += [("text", what) for what in _last_shown(job, seen)]
    if known is not None:
        found += [("text", what) for what in _as_known(order, job, streamed, known)]
    return [Violation(kind, str(job["id"]), what) for kind, what in found]


def contiguous(stream: Sequence[Event]) -> Iterator[str]:
    """What is wrong with the order of a stream."""
    last, status = None, ""
    for event in stream:
        cursor = event.cursor
        if last is None or cursor.fence > last.fence:
            if cursor.seq != 0 or event.type == "token":
                yield f"the stream has {cursor} ({event.type}) after {last}: its fence does not begin with a transition"
            status = event.status
        elif not last.precedes(cursor) or event.type != "token" or status != "running":
            yield f"the stream has {cursor} ({event.type}, {status}) after {last}"
        last = cursor
    dones = [event.cursor for event in stream if event.type == "done"]
    if len(dones) != 1 or dones[0] != last:
        yield f"the stream ends with {last}, and is done at {[str(cursor) for cursor in dones]}"


def tell(stream: Sequence[Event]) -> dict[int, Streamed]:
    """The stream by choices."""
    streamed: dict[int, Streamed] = defaultdict(Streamed)
    for event in stream:
        if event.type == "token":
            choice = streamed[event.index]
            choice.text += event.text
            choice.tokens += event.tokens
            choice.logprobs += event.logprobs
            choice.reasons += [event.finish_reason] if event.finish_reason else []
    return streamed


def shown(stream: Sequence[Event], seen: Sequence[Received]) -> Iterator[str]:
    """Where a watcher was not shown exactly what the stream has."""
    expected = [str(event.cursor) for event in stream if event.type != "token" or event.text]
    got = [event.id for event in seen]
    if got != expected:
        at = parting(got, expected)
        doubled, missing, strange = len(got) - len(set(got)), set(expected) - set(got), set(got) - set(expected)
        yield (
            f"the watcher was shown {got[at : at + 3]} where the stream has {expected[at : at + 3]}; of "
            f"{len(expected)} events {doubled} twice, {len(missing)} never, and {len(strange)} strange ones"
        )
    bodies = {str(event.cursor): event for event in stream}
    for event in seen:
        stored = bodies.get(event.id)
        if event.event == "token" and stored and event.data != {"index": stored.index, "text": stored.text}:
            yield f"the watcher was shown {event.data} at {event.id} where the stream has {stored.text!r}"


def _status(order: Order, job: Mapping[str, Any], *, was_cancelled: bool) -> Iterator[str]:
    status = job["status"]
    if was_cancelled and status != "cancelled":
        yield f"its cancellation was answered well, and it is {status}"
    elif status != "succeeded" and (order.cancel_after is None or status != "cancelled"):
        yield f"it is {status}: {job['error']}"
    if (job["result"] is not None) != (status == "succeeded"):
        yield f"it is {status}, and its result is {job['result']!r:.80}"


def _result(order: Order, job: Mapping[str, Any], streamed: Mapping[int, Streamed]) -> Iterator[tuple[Class, str]]:
    choices, usage = job["result"]["choices"], job["usage"]
    if [choice["index"] for choice in choices] != list(range(order.body.get("n", 1))) or len(streamed) != len(choices):
        yield "text", f"{len(choices)} choices in the result, {len(streamed)} in the stream"
        return
    num_streamed = sum(len(choice.tokens) for choice in streamed.values())
    if num_streamed != usage["completion_tokens"]:
        yield "tokens", f"{num_streamed} tokens in the stream, {usage['completion_tokens']} by its usage"
    if order.num_tokens is not None and num_streamed != order.num_tokens:
        yield "tokens", f"{num_streamed} tokens, and {order.num_tokens} were asked for"
    for choice in choices:
        yield from _choice(order, choice, streamed[choice["index"]])


def _choice(order: Order, choice: Mapping[str, Any], streamed: Streamed) -> Iterator[tuple[Class, str]]:
    number, text, reason = choice["index"], choice["message"]["content"], choice["finish_reason"]
    if streamed.text != text:
        yield "text", f"choice {number}: {differ(streamed.text, text)} (stream, result)"
    if streamed.reasons != [reason]:
        yield "text", f"choice {number} ended by {streamed.reasons} in the stream, by {reason} in the result"
    if order.body.get("logprobs"):
        yield from _logprobs(choice, streamed)
    if order.stop is not None and order.stop in text:
        yield "text", f"choice {number} holds its stop string"
    if order.kind == "schema":
        yield from _instance(text, reason)


def _logprobs(choice: Mapping[str, Any], streamed: Streamed) -> Iterator[tuple[Class, str]]:
    """Each token has its own but for the one that ends the answer; put together they are the text."""
    content = choice["logprobs"]["content"]
    tokens = streamed.tokens[:-1] if choice["finish_reason"] == "stop" else streamed.tokens
    if [one.token for one in streamed.logprobs] != tokens:
        yield "tokens", f"{len(tokens)} tokens, and logprobs for {len(streamed.logprobs)} or for others in the stream"
    if len(content) != len(tokens):
        yield "tokens", f"{len(tokens)} tokens, and logprobs for {len(content)} in the result"
    spelled = b"".join(bytes(one["bytes"]) for one in content).decode(errors="replace")
    if spelled != choice["message"]["content"]:
        yield "text", f"the logprobs spell another text: {differ(spelled, choice['message']['content'])}"


def _instance(text: str, reason: str) -> Iterator[tuple[Class, str]]:
    try:
        jsonschema.validate(json.loads(text), HERD)
    except (ValueError, jsonschema.ValidationError) as exc:
        yield "text", f"not an instance of its schema ({reason}): {exc!s:.200}"


def _last_shown(job: Mapping[str, Any], seen: Sequence[Received]) -> Iterator[str]:
    if seen and seen[-1].event == "done":
        for name in ("status", "result", "error", "usage", "attempt"):
            if seen[-1].data[name] != job[name]:
                yield f"the watcher's last event has another {name} than the job"


def _as_known(order: Order, job: Mapping[str, Any], streamed: Mapping[int, Streamed], known: str) -> Iterator[str]:
    """A greedy text is that of the undisturbed run, as far as it goes."""
    if order.stop is not None:
        known = known.partition(order.stop)[0]
    for number, choice in streamed.items():
        expected = known if job["result"] is not None else known[: len(choice.text)]
        if choice.text != expected:
            yield f"choice {number} is not what it was undisturbed: {differ(choice.text, expected)}"


def differ(one: str, other: str) -> str:
    """Where two texts part, and how they go on."""
    at = parting(one, other)
    return f"at character {at} of {len(one)} and {len(other)}: {one[at : at + 40]!r} and {other[at : at + 40]!r}"


def parting(one: Sequence[object], other: Sequence[object]) -> int:
    """The first place where two sequences are not the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
