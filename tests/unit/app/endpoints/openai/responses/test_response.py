"""Jobs as OpenAI's Response objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import Response

from app.endpoints.openai.responses.body import SEALED_REASONING
from app.endpoints.openai.responses.response import conversation, input_items, response
from app.endpoints.openai.responses.sealed import seal, unseal
from tasks.records.job import Job, JobStatus
from tasks.records.logprobs import TokenLogprobs
from tests.support.job_records import as_read
from tests.support.responses import HERMES, WEATHER, outcome, response_job

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'


def ended(text: str, finish_reason: str = "stop", *, syntax: str = "", **fields: Any) -> Job:
    job = response_job(**fields)
    made = outcome(text, finish_reason, syntax=syntax)
    return replace(job, status=JobStatus.SUCCEEDED, outcome=made, finished_at=1700000005.5)


def output(job: Job) -> Any:
    return response(job)["output"]


def test_an_answer_is_one_message_with_one_part() -> None:
    made = as_read(
        response(ended("Hi.", instructions="Be short.", metadata={"a": "b"}, max_output_tokens=9, temperature=0))
    )
    assert made["output"] == [
        {
            "id": "msg_j1_0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}],
        }
    ]
    assert made["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 12,
    }
    told = ("id", "object", "created_at", "completed_at", "status", "instructions", "metadata", "max_output_tokens")
    assert [made[field] for field in told] == [
        "resp_j1", "response", 1700000000, 1700000005, "completed", "Be short.", {"a": "b"}, 9,
    ]  # fmt: skip
    assert (made["temperature"], made["top_p"], made["error"], made["incomplete_details"]) == (0.0, 0.95, None, None)


def test_reasoning_is_told_as_an_opaque_text_too_if_that_is_asked_for() -> None:
    text = "<think>Hm, 19.</think>It is 19."
    (reasoning, _), (plain, _) = (
        output(ended(text, syntax=HERMES, include=[SEALED_REASONING])),
        output(ended(text, syntax=HERMES)),
    )
    assert "encrypted_content" not in plain
    assert reasoning == {**plain, "encrypted_content": seal("Hm, 19.")}
    assert unseal(reasoning["encrypted_content"]) == "Hm, 19."
    without = ended("It is 19.", syntax=HERMES, include=[SEALED_REASONING])
    assert [item["type"] for item in output(without)] == ["message"]


def test_a_call_of_a_namespaces_function_has_both_names() -> None:
    told = CALL.replace("get_weather", "sky.get_weather")
    job = ended(told, tools=[{"type": "namespace", "name": "sky", "tools": [WEATHER]}], syntax=HERMES)
    (call,) = output(job)
    assert (call["name"], call["namespace"]) == ("get_weather", "sky")
    assert conversation(job)[-1]["tool_calls"][0]["function"]["name"] == "sky.get_weather"
    Response.model_validate(response(job), strict=False)


def test_it_is_what_the_openai_package_takes_for_a_response() -> None:
    text = f"<think>Hm.</think>I look.{CALL}"
    for job in (response_job(), ended(text, tools=[WEATHER], syntax=HERMES), ended("x", "length")):
        Response.model_validate(response(job), strict=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (JobStatus.QUEUED, "queued"),
        (JobStatus.RUNNING, "in_progress"),
        (JobStatus.FAILED, "failed"),
        (JobStatus.CANCELLED, "cancelled"),
        (JobStatus.EXPIRED, "failed"),
    ],
)
def test_a_response_without_a_result_tells_its_status(before: JobStatus, after: str) -> None:
    made = as_read(response(replace(response_job(), status=before)))
    assert (made["status"], made["output"], made["usage"], made["completed_at"]) == (after, [], None, None)
    assert (made["error"] is not None) is (after == "failed")


def test_an_answer_that_was_cut_is_incomplete() -> None:
    made = as_read(response(ended("Hi", "length")))
    assert (made["status"], made["completed_at"]) == ("incomplete", None)
    assert made["incomplete_details"] == {"reason": "max_output_tokens"}
    assert made["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("invalid_request_error", "invalid_prompt"), ("server_error", "server_error"), ("timeout_error", "server_error")],
)
def test_a_failure_has_one_of_openais_codes(kind: str, code: str) -> None:
    error = {"message": "No.", "type": kind, "param": "messages", "code": "whatever"}
    made = as_read(response(replace(response_job(), status=JobStatus.FAILED, error=error)))
    assert made["error"] == {"code": code, "message": "No.", "param": "messages", "type": kind}


def test_reasoning_text_and_calls_are_items_of_their_own() -> None:
    items = output(ended(f"<think>Hm.</think>I look.{CALL}", tools=[WEATHER], syntax=HERMES))
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call"]
    assert items[0]["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert items[1]["content"][0]["text"] == "I look."
    assert (items[2]["name"], items[2]["arguments"]) == ("get_weather", '{"city": "Paris"}')
    assert items[2]["call_id"].startswith("call_")


def test_without_tools_a_call_is_text() -> None:
    (message,) = output(ended(CALL, syntax=HERMES))
    assert message["content"][0]["text"] == CALL


def test_saying_nothing_is_an_empty_message() -> None:
    (message,) = output(ended(""))
    assert message["content"][0]["text"] == ""


def test_logprobs_stand_beside_their_text() -> None:
    told = (TokenLogprobs(7, b"Hi", -0.1, ((b"Hi", -0.1),)), TokenLogprobs(8, b".", -0.2, ()))
    job = ended("Hi.", include=["message.output_text.logprobs"], top_logprobs=1)
    assert job.outcome is not None
    (choice,) = job.outcome.choices
    job = replace(job, outcome=replace(job.outcome, choices=(replace(choice, logprobs=told),)))
    (message,) = output(job)
    one, _ = message["content"][0]["logprobs"]
    assert one == {
        "token": "Hi",
        "logprob": -0.1,
        "bytes": [72, 105],
        "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}],
    }


# -- what a next response goes on from


def test_a_conversation_ends_with_what_was_said_and_has_no_instructions() -> None:
    job = ended("Hi.", instructions="Be short.")
    assert conversation(job) == [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]


def test_a_conversation_has_the_calls_under_the_ids_that_were_told_and_the_reasoning() -> None:
    job = ended(f"<think>Hm.</think>{CALL}", tools=[WEATHER], syntax=HERMES)
    *_, last = conversation(job)
    call = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    call_id = output(job)[1]["call_id"]
    assert last == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": call_id, "type": "function", "function": call}],
    }


def test_the_input_is_told_as_items() -> None:
    sent = [
        {"role": "user", "content": "And in Paris?"},
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    items = as_read(input_items(response_job(input=sent, instructions="Be short.")))
    assert [item["id"] for item in items] == ["in_j1_0", "in_j1_1", "in_j1_2", "in_j1_3"]
    assert [(item["type"], item.get("role")) for item in items] == [
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", None),
        ("function_call_output", None),
    ]
    assert items[0]["content"] == [{"type": "input_text", "text": "And in Paris?"}]
    assert items[3]["output"] == "sunny"
