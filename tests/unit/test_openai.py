"""Jobs and events as OpenAI's objects."""

from __future__ import annotations

from typing import Any

from app import openai
from tasks.events import Cursor, Event
from tasks.jobs import Operation, Outcome
from tests.unit.conftest import MakeJob

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 3}}


def token(text: str, finish_reason: str | None = None, index: int = 0) -> Event:
    return Event(Cursor(1, 1), "token", index=index, text=text, tokens=(7,), finish_reason=finish_reason)


def chunk(piece: dict[str, Any], finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chat's chunk for job j1."""
    return {
        "id": "chatcmpl-j1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "demo",
        "choices": [{"index": index, "delta": piece, "logprobs": None, "finish_reason": finish_reason}],
    }


def text_chunk(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    """A completion's chunk for job j1."""
    return {
        "id": "cmpl-j1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "demo",
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}],
    }


def test_a_chat_that_succeeded_is_a_chat_completion(make_job: MakeJob, outcome: Outcome) -> None:
    assert openai.result(make_job(outcome=outcome)) == {
        "id": "chatcmpl-j1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "demo",
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
    }


def test_a_completion_that_succeeded_is_a_text_completion(make_job: MakeJob, outcome: Outcome) -> None:
    assert openai.result(make_job(operation=Operation.COMPLETION, outcome=outcome)) == {
        "id": "cmpl-j1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "demo",
        "choices": [
            {"index": 0, "text": "Hi.", "logprobs": None, "finish_reason": "stop"},
            {"index": 1, "text": "Hello the", "logprobs": None, "finish_reason": "length"},
        ],
        "usage": USAGE,
    }


def test_a_job_without_an_outcome_has_no_result(make_job: MakeJob) -> None:
    assert openai.result(make_job()) is None


def test_a_chats_choice_begins_with_its_role(make_job: MakeJob) -> None:
    assert openai.role_chunk(make_job(), 2) == chunk({"role": "assistant", "content": ""}, index=2)


def test_a_token_of_a_chat_is_one_chunk(make_job: MakeJob) -> None:
    assert openai.chunks(make_job(), token(" two", index=1)) == [chunk({"content": " two"}, index=1)]


def test_a_token_of_a_completion_is_one_chunk(make_job: MakeJob) -> None:
    assert openai.chunks(make_job(operation=Operation.COMPLETION), token(" two")) == [text_chunk(" two")]


def test_the_last_token_of_a_chat_is_its_text_and_then_its_end(make_job: MakeJob) -> None:
    assert openai.chunks(make_job(), token(".", "length")) == [chunk({"content": "."}), chunk({}, "length")]


def test_the_last_token_of_a_completion_is_its_text_and_then_its_end(make_job: MakeJob) -> None:
    job = make_job(operation=Operation.COMPLETION)
    assert openai.chunks(job, token(".", "length")) == [text_chunk("."), text_chunk("", "length")]


def test_an_end_without_text_is_one_chunk(make_job: MakeJob) -> None:
    assert openai.chunks(make_job(), token("", "stop")) == [chunk({}, "stop")]


def test_a_token_that_shows_nothing_yet_is_no_chunk(make_job: MakeJob) -> None:
    assert openai.chunks(make_job(), token("")) == []


def test_the_usage_chunk_has_no_choices(make_job: MakeJob, outcome: Outcome) -> None:
    made = openai.usage_chunk(make_job(), outcome)
    assert made == {**chunk({}), "choices": [], "usage": USAGE}
    made = openai.usage_chunk(make_job(operation=Operation.COMPLETION), outcome)
    assert made == {**text_chunk(""), "choices": [], "usage": USAGE}
