"""A job's events as the chunks of an OpenAI stream."""

from __future__ import annotations

from typing import Any, cast

from app.endpoints.openai.chunks import Chunks, usage_chunk
from app.endpoints.openai.completion import FINGERPRINT
from tasks.answers.syntax import Syntax
from tasks.records.event import Cursor, Event
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Outcome
from tests.support.job_records import MakeJob
from tests.unit.app.endpoints.openai.test_completion import CALLS, TOOLS, USAGE

HERMES = Syntax("hermes", "no").encode()


def token(text: str, finish_reason: str | None = None, index: int = 0, **fields: Any) -> Event:
    return Event(Cursor(1, 1), "token", index=index, text=text, tokens=(7,), finish_reason=finish_reason, **fields)


def chunk(piece: dict[str, Any], finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chat's chunk for job j1."""
    return {
        "id": "chatcmpl-j1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "demo",
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": index, "delta": piece, "logprobs": None, "finish_reason": finish_reason}],
    }


def text_chunk(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    """A completion's chunk for job j1."""
    return {
        "id": "cmpl-j1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "demo",
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}],
    }


def chunks(job: Job, *events: Event) -> list[dict[str, Any]]:
    made = Chunks(job)
    return [cast("dict[str, Any]", piece) for event in events for piece in made.of(event)]


def deltas(job: Job, *events: Event) -> list[dict[str, Any]]:
    return [choice["delta"] for one in chunks(job, *events) for choice in one["choices"]]


ROLE = {"role": "assistant", "content": None}


def test_a_chats_choice_begins_with_its_role(make_job: MakeJob) -> None:
    made = chunks(make_job(), token(" two", index=1), token(" three", index=1))
    assert made == [chunk(ROLE, index=1), chunk({"content": " two"}, index=1), chunk({"content": " three"}, index=1)]


def test_a_token_of_a_completion_is_one_chunk(make_job: MakeJob) -> None:
    assert chunks(make_job(operation=Operation.COMPLETION), token(" two")) == [text_chunk(" two")]


def test_the_last_token_of_a_chat_is_its_text_and_then_its_end(make_job: MakeJob) -> None:
    assert chunks(make_job(), token(".", "length")) == [chunk(ROLE), chunk({"content": "."}), chunk({}, "length")]


def test_the_last_token_of_a_completion_is_its_text_and_then_its_end(make_job: MakeJob) -> None:
    job = make_job(operation=Operation.COMPLETION)
    assert chunks(job, token(".", "length")) == [text_chunk("."), text_chunk("", "length")]


def test_an_end_without_text_says_who_spoke_and_how_it_ended(make_job: MakeJob) -> None:
    assert chunks(make_job(), token("", "stop")) == [chunk(ROLE), chunk({}, "stop")]


def test_a_token_that_shows_nothing_yet_is_no_chunk(make_job: MakeJob) -> None:
    assert chunks(make_job(), token("")) == []


def test_the_prompt_is_echoed_once(make_job: MakeJob) -> None:
    request = {"prompt": ["Say "], "echo": True, "sampling": {"n": 1}}
    job = make_job(operation=Operation.COMPLETION, request=request)
    assert chunks(job, token("a"), token("b")) == [text_chunk("Say a"), text_chunk("b")]


def test_offsets_of_a_completions_tokens_go_on_over_its_chunks(make_job: MakeJob) -> None:
    events = [token(piece, logprobs=(TokenLogprobs(1, piece.encode(), -0.5, ()),)) for piece in ("One", " t", "wo")]
    made = chunks(make_job(operation=Operation.COMPLETION), *events)
    assert [one["choices"][0]["logprobs"]["text_offset"] for one in made] == [[0], [3], [5]]


def test_the_usage_chunk_has_no_choices(make_job: MakeJob, outcome: Outcome) -> None:
    made = usage_chunk(make_job(), outcome)
    assert made == {**chunk({}), "choices": [], "usage": USAGE}
    made = usage_chunk(make_job(operation=Operation.COMPLETION), outcome)
    assert made == {**text_chunk(""), "choices": [], "usage": USAGE}


def test_every_chunk_says_that_the_usage_is_still_to_come(make_job: MakeJob) -> None:
    made = Chunks(make_job(), include_usage=True).of(token("a", "stop"))
    assert [one["usage"] for one in made] == [None] * 3


def test_every_chunk_has_the_usage_so_far_if_that_is_asked_for(make_job: MakeJob) -> None:
    job = make_job(request={"sampling": {"n": 2}})
    made = Chunks(job, include_usage=True, continuous_usage=True)
    first = [token("a", prompt_tokens=5), token("b", index=1, prompt_tokens=5)]
    told = [chunk["usage"] for event in (*first, token("c")) for chunk in made.of(event)]
    counted = [(one["prompt_tokens"], one["completion_tokens"], one["total_tokens"]) for one in told if one]
    assert counted == [(5, 1, 6), (5, 1, 6), (5, 2, 7), (5, 2, 7), (5, 3, 8)]


def test_calls_are_streamed_as_their_names_and_pieces_of_their_arguments(make_job: MakeJob) -> None:
    job = make_job(request={"tools": TOOLS})
    first, *others = [CALLS[start : start + 5] for start in range(0, len(CALLS), 5)]
    events = [token(first, syntax=HERMES), *map(token, others), token("", "stop")]
    made = deltas(job, *events)
    assert "".join(delta.get("content") or "" for delta in made) == "Let me see."
    told = [call for delta in made for call in delta.get("tool_calls", ())]
    begun = [call for call in told if "id" in call]
    assert [(call["index"], call["type"], call["function"]) for call in begun] == [
        (number, "function", {"name": "get_weather", "arguments": ""}) for number in range(2)
    ]
    arguments = ["".join(call["function"]["arguments"] for call in told if call["index"] == n) for n in range(2)]
    assert arguments == ['{"city": "Paris"}', '{"city": "Rome"}']
    assert len(told) > 6
    assert chunks(job, *events)[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert deltas(job, *events) == made


def test_a_choice_that_is_only_a_call_has_no_content(make_job: MakeJob) -> None:
    call = CALLS.removeprefix("Let me see.\n")
    made = deltas(make_job(request={"tools": TOOLS}), token(call, "stop", syntax=HERMES))
    assert made[0] == {"role": "assistant", "content": None}
    assert all(delta.get("content") is None for delta in made)


def test_reasoning_is_streamed_under_its_own_name(make_job: MakeJob) -> None:
    syntax = Syntax(None, "open").encode()
    made = deltas(make_job(), token("Hm", syntax=syntax), token(".</think>Yes", "stop"))
    assert "".join(delta.get("reasoning_content", "") for delta in made) == "Hm."
    assert "".join(delta.get("content") or "" for delta in made) == "Yes"


def test_logprobs_of_text_that_is_held_back_come_with_it(make_job: MakeJob) -> None:
    def one(piece: bytes) -> tuple[TokenLogprobs, ...]:
        return (TokenLogprobs(1, piece, -0.5, ()),)

    job = make_job(request={"tools": TOOLS})
    events = [token("<too", logprobs=one(b"<too"), syntax=HERMES), token("t", logprobs=one(b"t")), token("", "stop")]
    told = [choice["logprobs"] for made in chunks(job, *events) for choice in made["choices"]]
    pieces = [piece["token"] for logprobs in told if logprobs for piece in logprobs["content"]]
    assert pieces == ["<too", "t"]


def _told(text: str, finish_reason: str | None = None, *pieces: bytes, **fields: Any) -> Event:
    logprobs = tuple(TokenLogprobs(1, piece, -0.5, ()) for piece in pieces)
    return token(text, finish_reason, logprobs=logprobs, **fields)


def test_tokens_of_a_stop_string_are_not_told(make_job: MakeJob) -> None:
    events = [_told("One", None, b"One"), _told("", None, b" E"), _told("", "stop", b"ND")]
    for operation in (Operation.CHAT, Operation.COMPLETION):
        made = chunks(make_job(operation=operation), *events)
        told = [choice["logprobs"] for one in made for choice in one["choices"] if choice["logprobs"]]
        assert len(told) == 1
        assert told[0].get("tokens") or [one["token"] for one in told[0]["content"]] == ["One"]


def test_a_prompts_tokens_are_told_although_a_stop_string_is_cut(make_job: MakeJob) -> None:
    request = {"prompt": ["Say "], "echo": True, "sampling": {"n": 1, "prompt_logprobs": True}}
    events = [_told("", None, b"Say", b" ", b"E", prompt_tokens=2), _told("", "stop", b"ND")]
    made = chunks(make_job(operation=Operation.COMPLETION, request=request), *events)
    told = [one["choices"][0]["logprobs"] for one in made if one["choices"][0]["logprobs"]]
    assert [(one["tokens"], one["text_offset"]) for one in told] == [(["Say", " "], [0, 3])]
