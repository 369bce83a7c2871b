"""Logprobs are written once, and go into events and results as they are."""

from __future__ import annotations

import json
from collections.abc import Collection

import pytest

from tasks.records.event import Event, encode_token
from tasks.records.logprobs import TokenLogprobs, WrittenLogprobs, WrittenToken
from tasks.records.outcome import Choice, Outcome, Usage

TOLD = (
    TokenLogprobs(5, b'"\n', None, ()),
    TokenLogprobs(17, b"\xc3", -0.25, ((b"\xc3", -0.25), (b" a", -1.5)), (3, 4)),
)
WRITTEN = [one.written() for one in TOLD]


def outcome(logprobs: Collection[TokenLogprobs] | None) -> Outcome:
    choice = Choice(index=0, text='a "b"', finish_reason="stop", logprobs=logprobs, prompt="p", stop_string="}")
    return Outcome(choices=(choice, Choice(index=1, text="", finish_reason="length")),
                   usage=Usage(prompt_tokens=2, completion_tokens=2))  # fmt: skip


@pytest.mark.parametrize(
    "logprobs", [None, (), TOLD, WrittenLogprobs(WRITTEN)], ids=["none", "empty", "made", "written"]
)
def test_a_result_is_read_as_it_was_written(logprobs: Collection[TokenLogprobs] | None) -> None:
    assert Outcome.decode(outcome(logprobs).encode()) == outcome(logprobs)


def test_what_is_written_is_not_made_again() -> None:
    text = '[17,"x" , -0.250000,\t[]]'
    told = outcome(WrittenLogprobs([WrittenToken(b"x", text)])).encode()
    event = encode_token(index=0, text="x", tokens=[17], finish_reason=None, logprobs=[WrittenToken(b"x", text)])
    assert text in told
    assert text in event


def test_written_logprobs_compare_as_those_they_were_made_of() -> None:
    assert WrittenLogprobs(WRITTEN) == TOLD
    assert len(WrittenLogprobs(WRITTEN)) == len(TOLD)
    assert TOLD[1] in WrittenLogprobs(WRITTEN)


def test_an_event_has_them_beside_all_else() -> None:
    body = encode_token(index=1, text="é", tokens=[5, 17], finish_reason="stop", logprobs=WRITTEN, stop_string="}")
    event = Event.decode("3-1", json.loads(body))
    assert event.logprobs == TOLD
    assert (event.index, event.text, event.tokens, event.finish_reason, event.stop_string) == (
        1,
        "é",
        (5, 17),
        "stop",
        "}",
    )
