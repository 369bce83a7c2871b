"""A row as a line of a batch, and a line of its output as the row's answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.bulk.answer import Answer
from app.bulk.batch_lines import input_line, output_line
from app.bulk.errors import BulkError


def written(response: Any, error: Any = None) -> bytes:
    return json.dumps({"id": "x", "custom_id": "row-7", "response": response, "error": error}).encode()


def test_a_line_asks_what_the_rows_job_would() -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hi \ud800"}], "priority": "low", "top_k": 3}
    line = json.loads(input_line(7, body, raw=False))
    assert (line["custom_id"], line["method"], line["url"]) == ("row-7", "POST", "/v1/chat/completions")
    assert line["body"] == {"model": "demo", "messages": body["messages"], "top_k": 3}
    raw = json.loads(input_line(7, {"model": "demo", "prompt": "Hi", "priority": "low"}, raw=True))
    assert (raw["url"], raw["body"]) == ("/v1/completions", {"model": "demo", "prompt": "Hi", "max_tokens": -1})
    assert json.loads(input_line(7, {"prompt": "Hi", "max_tokens": 5}, raw=True))["body"]["max_tokens"] == 5


def test_a_line_of_the_output_is_the_rows_answer() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    chat = {"model": "demo", "choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": usage}
    text = {"model": "demo", "choices": [{"text": "ok", "finish_reason": "stop"}], "usage": usage}
    for body in (chat, text):
        number, answer = output_line(written({"status_code": 200, "request_id": "j", "body": body}))
        assert (number, answer) == (
            7,
            Answer(text="ok", finish_reason="stop", prompt_tokens=3, completion_tokens=2),
        )


def test_a_line_that_failed_or_did_not_run_says_why() -> None:
    error = {"message": "Too long.", "type": "invalid_request_error", "param": None, "code": "context_length_exceeded"}
    _, refused = output_line(written({"status_code": 400, "request_id": "j", "body": {"error": error}}))
    assert (refused.code, refused.message) == ("context_length_exceeded", "Too long.")
    _, left = output_line(written(None, {"code": "batch_cancelled", "message": "Not executed."}))
    assert (left.code, left.message) == ("batch_cancelled", "Not executed.")


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"custom_id": "a", "response": null, "error": null}'])
def test_a_line_of_another_form_is_told(text: bytes) -> None:
    with pytest.raises(BulkError, match="no answer to a row"):
        output_line(text)
