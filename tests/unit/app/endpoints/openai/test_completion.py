"""Jobs that have ended as OpenAI's objects."""

from __future__ import annotations

import json
from dataclasses import replace

from app.endpoints.openai.completion import FINGERPRINT
from app.endpoints.openai.result import result
from app.endpoints.openai.timings import timings
from tasks.answers.syntax import Syntax
from tasks.records.job import Operation
from tasks.records.outcome import Choice, Outcome
from tests.support.job_records import MakeJob, as_read

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 3}}
TOOLS = [{"name": "get_weather"}]
CALLS = """Let me see.
<tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</tool_call>
<tool_call>
{"name": "get_weather", "arguments": {"city": "Rome"}}
</tool_call>"""


def said(outcome: Outcome, text: str, *, thinking: str = "no") -> Outcome:
    """An outcome with one choice of this text, by a model that writes calls as Hermes does."""
    syntax = Syntax("hermes", thinking).encode()  # type: ignore[arg-type]
    return replace(outcome, choices=(Choice(index=0, text=text, finish_reason="stop"),), syntax=syntax)


def test_a_chat_that_succeeded_is_a_chat_completion(make_job: MakeJob, outcome: Outcome) -> None:
    assert result(make_job(outcome=outcome)) == {
        "id": "chatcmpl-j1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "demo",
        "system_fingerprint": FINGERPRINT,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            },
            {
                "index": 1,
                "message": {"role": "assistant", "content": "Hello the", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            },
        ],
        "usage": USAGE,
        "timings": timings(outcome),
    }


def test_a_completion_that_succeeded_is_a_text_completion(make_job: MakeJob, outcome: Outcome) -> None:
    assert result(make_job(operation=Operation.COMPLETION, outcome=outcome)) == {
        "id": "cmpl-j1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "demo",
        "system_fingerprint": FINGERPRINT,
        "choices": [
            {"index": 0, "text": "Hi.", "logprobs": None, "finish_reason": "stop"},
            {"index": 1, "text": "Hello the", "logprobs": None, "finish_reason": "length"},
        ],
        "usage": USAGE,
        "timings": timings(outcome),
    }


def test_prompts_that_are_echoed_stand_before_their_choices(make_job: MakeJob, outcome: Outcome) -> None:
    request = {"prompt": ["Say ", "Tell "], "echo": True, "sampling": {"n": 1}}
    made = as_read(result(make_job(operation=Operation.COMPLETION, request=request, outcome=outcome)))
    assert [choice["text"] for choice in made["choices"]] == ["Say Hi.", "Tell Hello the"]


def test_a_job_without_an_outcome_has_no_result(make_job: MakeJob) -> None:
    assert result(make_job()) is None


def test_calls_are_told_apart_from_the_text_before_them(make_job: MakeJob, outcome: Outcome) -> None:
    made = as_read(result(make_job(request={"tools": TOOLS}, outcome=said(outcome, CALLS))))
    (choice,) = made["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me see."
    functions = [call["function"] for call in choice["message"]["tool_calls"]]
    assert [json.loads(function["arguments"]) for function in functions] == [{"city": "Paris"}, {"city": "Rome"}]
    assert len({call["id"] for call in choice["message"]["tool_calls"]}) == 2


def test_without_tools_a_call_is_text(make_job: MakeJob, outcome: Outcome) -> None:
    for request in ({}, {"tools": TOOLS, "tool_choice": "none"}):
        made = as_read(result(make_job(request=request, outcome=said(outcome, CALLS))))
        assert made["choices"][0]["message"] == {"role": "assistant", "content": CALLS, "refusal": None}
        assert made["choices"][0]["finish_reason"] == "stop"


def test_reasoning_stands_beside_the_content_unless_it_is_to_stay_there(make_job: MakeJob, outcome: Outcome) -> None:
    thought = said(outcome, "<think>\nHm.\n</think>\n\nYes.", thinking="optional")
    requests: list[dict[str, str]] = [{}, {"reasoning_format": "none"}]
    made, raw = (as_read(result(make_job(request=request, outcome=thought))) for request in requests)
    assert made["choices"][0]["message"]["content"] == "Yes."
    assert made["choices"][0]["message"]["reasoning_content"].strip() == "Hm."
    assert raw["choices"][0]["message"]["content"] == "<think>\nHm.\n</think>\n\nYes."
