"""A chat's tokens as Anthropic's events, and as its message."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.endpoints.anthropic.events import MessageEvents
from app.endpoints.anthropic.message import message
from app.endpoints.openai.responses.sealed import unseal
from tasks.answers.syntax import Syntax
from tasks.records.event import Cursor, Event
from tasks.records.job import Job, Operation
from tasks.records.outcome import Choice, Outcome, Usage

SYNTAX = Syntax(tool_format="hermes", thinking="optional").encode()
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
THOUGHT = "<think>\nHm, Paris.\n</think>\n\n"
WHOLE = f"{THOUGHT}Let me see.\n{CALL}"
JOB = Job(
    id="j1",
    model="demo",
    operation=Operation.CHAT,
    request={"messages": [], "sampling": {"n": 1}, "tools": [{"name": "weather", "parameters": {}}]},
)


def outcome(text: str, **choice: Any) -> Outcome:
    chosen = Choice(**{"index": 0, "text": text, "finish_reason": "stop", **choice})
    return Outcome(
        choices=(chosen,),
        usage=Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=4),
        syntax=SYNTAX,
    )


def events(pieces: list[str], **how: Any) -> list[Any]:
    made, told = MessageEvents(JOB, **how), []
    for number, piece in enumerate(pieces):
        first: dict[str, Any] = {"syntax": SYNTAX, "prompt_tokens": 9, "cached_tokens": 4} if number == 0 else {}
        last = "stop" if number == len(pieces) - 1 else None
        told += made.of(Event(Cursor(1, number + 1), "token", text=piece, finish_reason=last, **first))
    return [*told, *made.end(outcome("".join(pieces)))]


def folded(told: list[Any]) -> list[dict[str, Any]]:
    """The blocks as a client puts them together."""
    blocks: list[dict[str, Any]] = []
    for event in told:
        match event:
            case {"type": "content_block_start", "index": index, "content_block": block}:
                assert index == len(blocks)
                blocks.append({**block, "input": ""} if "input" in block else {**block})
            case {"type": "content_block_delta", "index": index, "delta": {"type": kind, **piece}}:
                ((name, more),) = piece.items()
                assert index == len(blocks) - 1
                assert kind == ("input_json_delta" if name == "partial_json" else f"{name}_delta")
                blocks[index]["input" if name == "partial_json" else name] += more
    return blocks


def test_a_stream_has_every_event_in_its_order() -> None:
    told = events([THOUGHT, "Let me see.\n", CALL])
    kinds = [event["type"] for event in told]
    begun, piece, ended = "content_block_start", "content_block_delta", "content_block_stop"
    thinking, text = [begun, piece, piece, ended], [begun, piece, ended]
    assert kinds[:8] == ["message_start", *thinking, *text]
    assert kinds[8] == begun
    assert set(kinds[9:-3]) == {piece}
    assert kinds[-3:] == [ended, "message_delta", "message_stop"]
    start, delta = told[0]["message"], told[-2]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"] == {**delta["usage"], "output_tokens": 0}
    assert delta["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert delta["usage"] == {
        "input_tokens": 5,
        "output_tokens": 5,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 0,
    }


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8).map(sorted), st.booleans())
def test_a_stream_says_what_the_message_says_however_it_is_cut(cuts: list[int], shows: bool) -> None:
    places = [0, *cuts, len(WHOLE)]
    pieces = [WHOLE[begin:end] for begin, end in pairwise(places)]
    said = message(JOB, outcome(WHOLE), shows_thinking=shows)
    blocks: list[Any] = folded(events(pieces, shows_thinking=shows))
    assert blocks[-1].pop("input") == '{"city": "Paris"}'
    assert [*blocks[:-1], {**blocks[-1], "input": {"city": "Paris"}}] == said["content"]
    assert (said["stop_reason"], said["id"]) == ("tool_use", "msg_j1")


def test_reasoning_that_is_not_shown_is_in_its_signature() -> None:
    (thought, _, _) = message(JOB, outcome(WHOLE), shows_thinking=False)["content"]
    assert thought["type"] == "thinking"
    assert (thought["thinking"], unseal(thought["signature"])) == ("", "Hm, Paris.")


@pytest.mark.parametrize(
    ("text", "choice", "stopped"),
    [
        ("Hi", {}, ("end_turn", None)),
        ("Hi", {"finish_reason": "length"}, ("max_tokens", None)),
        ("Hi", {"stop_string": "."}, ("stop_sequence", ".")),
        (CALL, {}, ("tool_use", None)),
        (CALL[:50], {"finish_reason": "length"}, ("max_tokens", None)),
    ],
)
def test_a_message_tells_why_it_ended(text: str, choice: dict[str, Any], stopped: tuple[str, str | None]) -> None:
    made = message(JOB, outcome(text, **choice))
    assert (made["stop_reason"], made["stop_sequence"]) == stopped


def test_a_call_that_is_cut_has_what_came_of_its_input() -> None:
    cut = CALL[: CALL.index("is") + 2]
    (call,) = message(JOB, outcome(cut, finish_reason="length"))["content"]
    assert call["type"] == "tool_use"
    assert call["input"] in ({}, {"city": "Paris"})


def test_a_message_that_waits_is_begun_and_pinged() -> None:
    made = MessageEvents(JOB)
    assert [event["type"] for event in made.ping()] == ["message_start", "ping"]
    assert [event["type"] for event in made.ping()] == ["ping"]
    assert [event["type"] for event in made.end(outcome(""))] == ["message_delta", "message_stop"]
