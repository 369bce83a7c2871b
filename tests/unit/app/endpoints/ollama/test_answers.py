"""A job and its events as Ollama's answers and pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.endpoints.ollama import answers, memory
from app.endpoints.ollama.answers import Form, Pieces, as_message, as_response, rfc3339
from tasks.answers.syntax import Syntax
from tasks.records.event import Cursor, Event
from tasks.records.job import Job, Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Choice, Outcome, Timings, Usage
from tests.support.job_records import MakeJob

HERMES = Syntax("hermes", "optional").encode()
ASKED = [{"role": "user", "content": "Hello"}]
TOOLS = [{"name": "weather", "parameters": {}}]
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
TIMINGS = Timings(queue_seconds=0.5, prefill_seconds=0.25, decode_seconds=1.5, tokens_per_second=2.0)
FIGURES = {
    "total_duration": 3_000_000_000,
    "load_duration": 500_000_000,
    "prompt_eval_count": 5,
    "prompt_eval_duration": 250_000_000,
    "eval_count": 7,
    "eval_duration": 1_500_000_000,
}


def outcome(text: str, finish_reason: str = "stop", **fields: Any) -> Outcome:
    choice = Choice(index=0, text=text, finish_reason=finish_reason, **fields)
    counted = Usage(prompt_tokens=5, completion_tokens=7)
    return Outcome(choices=(choice,), usage=counted, timings=TIMINGS, syntax=HERMES)


def token(text: str, finish_reason: str | None = None, **fields: Any) -> Event:
    return Event(Cursor(1, 1), "token", text=text, tokens=(7,), finish_reason=finish_reason, syntax=HERMES, **fields)


def whole(job: Job, outcome: Outcome, form: Form, name: str = "demo") -> dict[str, Any]:
    return answers.whole(replace(job, outcome=outcome), outcome, form, name=name)


def last_line(job: Job, outcome: Outcome, form: Form) -> dict[str, Any]:
    return answers.last_line(replace(job, outcome=outcome), outcome, form, name="demo")


def pieces(job: Job, *events: Event, form: Form = as_message) -> list[dict[str, Any]]:
    made = Pieces(job, form, name="demo:latest")
    return [piece for event in events for piece in made.of(event, now=0.5)]


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(request={"messages": ASKED, "tools": TOOLS}, finished_at=1700000003.75)


def test_an_answer_has_its_message_and_its_figures(job: Job) -> None:
    assert whole(job, outcome("<think>\nHm.\n</think>\n\nHi."), as_message, name="demo:latest") == {
        "model": "demo:latest",
        "created_at": "2023-11-14T22:13:23.750000Z",
        "message": {"role": "assistant", "content": "Hi.", "thinking": "Hm."},
        "done": True,
        "done_reason": "stop",
        **FIGURES,
    }


def test_a_call_has_its_arguments_as_an_object(job: Job) -> None:
    message = whole(job, outcome(CALL), as_message)["message"]
    (call,) = message["tool_calls"]
    assert call["function"] == {"index": 0, "name": "weather", "arguments": {"city": "Paris"}}
    assert call["id"].startswith("call_")


def test_a_call_that_was_cut_is_left_out_of_answer_and_stream(job: Job) -> None:
    cut = CALL[:50]
    assert "tool_calls" not in whole(job, outcome(cut, "length"), as_message)["message"]
    assert pieces(job, token(cut, "length")) == []


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pieces_say_what_the_answer_says_however_its_text_comes(job: Job, size: int) -> None:
    text = f"<think>\nHm, so.\n</think>\n\nI look: {CALL}\n{CALL}"
    events = [token(text[at : at + size]) for at in range(0, len(text), size)]
    made = [piece["message"] for piece in pieces(job, *events, token("", "stop"))]
    said = whole(job, outcome(text), as_message)["message"]
    assert "".join(each["content"] for each in made) == said["content"]
    assert "".join(each.get("thinking", "") for each in made) == said["thinking"]
    assert [call for each in made for call in each.get("tool_calls", ())] == said["tool_calls"]
    assert len(said["tool_calls"]) == 2


def test_a_piece_is_not_done_and_the_last_line_says_nothing_more(job: Job) -> None:
    (piece,) = pieces(job, token("Hi."), form=as_response)
    assert piece == {"model": "demo:latest", "created_at": rfc3339(0.5), "response": "Hi.", "done": False}
    last = last_line(job, outcome("Hi.", "length"), as_response)
    assert (last["response"], last["done"], last["done_reason"]) == ("", True, "length")


def test_a_prompts_answer_tells_the_conversation_so_far(job: Job) -> None:
    told = last_line(job, outcome("Hi."), as_response)["context"]
    assert memory.decode(told) == [*ASKED, {"role": "assistant", "content": "Hi."}]


def test_a_raw_answer_is_the_text_as_it_is(make_job: MakeJob) -> None:
    job = make_job(operation=Operation.COMPLETION, request={"prompt": ["Hello"]})
    made = whole(job, outcome(" <think> x"), as_response)
    assert (made["response"], "context" in made, "thinking" in made) == (" <think> x", False, False)
    assert [each["response"] for each in pieces(job, token(" <think>"), token(" x", "stop"), form=as_response)] == [
        " <think>",
        " x",
    ]


def test_logprobs_stand_beside_their_text(make_job: MakeJob) -> None:
    job = make_job(request={"messages": ASKED})
    one = TokenLogprobs(7, b"Hi", -0.5, ((b"Hi", -0.5), (b"Ho", -1.5)))
    told = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}
    top = [told, {"token": "Ho", "logprob": -1.5, "bytes": [72, 111]}]
    (piece,) = pieces(job, token("Hi", logprobs=(one,)))
    assert piece["logprobs"] == [{**told, "top_logprobs": top}]
    assert whole(job, outcome("Hi", logprobs=(one,)), as_message)["logprobs"] == piece["logprobs"]
    (bare,) = pieces(job, token("", "stop", logprobs=(TokenLogprobs(2, b"", -0.1, ()),)))
    assert (bare["message"]["content"], len(bare["logprobs"])) == ("", 1)


@pytest.mark.parametrize("text", ["", "a", '\U0001f999 \u00e9\n"quoted"'])
def test_a_conversation_comes_back_from_its_numbers(text: str) -> None:
    said = [{"role": "system", "content": text}, {"role": "user", "content": text}]
    assert memory.decode(memory.encode(said)) == said
