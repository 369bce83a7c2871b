"""The tokens that a job may take, before it has run."""

from __future__ import annotations

from typing import Any

import pytest

from app.access.token_estimate import tokens
from tasks.records.job import Operation
from tests.support.job_records import MakeJob

ASKED = {"messages": [{"role": "user", "content": "x" * 36}]}
"""Ten tokens, the role's included."""


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
    [
        (Operation.CHAT, {**ASKED, "sampling": {"max_tokens": 50, "n": 1}}, 60),
        (Operation.CHAT, {**ASKED, "sampling": {"max_tokens": 50, "n": 3}}, 160),
        (Operation.CHAT, {**ASKED, "sampling": {"max_tokens": None, "n": 1}}, 1000),
        (Operation.CHAT, {**ASKED, "sampling": {"max_tokens": None, "n": 2}}, 10 + 2 * 990),
        (Operation.CHAT, {**ASKED, "tools": [{"name": "abcd"}], "sampling": {"max_tokens": 1}}, 12),
        (Operation.RESPONSE, {**ASKED, "response": {"x": "y" * 99}, "sampling": {"max_tokens": 5}}, 15),
        (Operation.COMPLETION, {"prompt": "x" * 40, "sampling": {"max_tokens": 8}}, 18),
        (Operation.COMPLETION, {"prompt": ["x" * 40, [1, 2, 3]], "sampling": {"max_tokens": 8}}, 10 + 3 + 16),
        (Operation.COMPLETION, {"prompt": ["x" * 40, "x" * 80], "sampling": {"max_tokens": 4096}}, 2000),
        (Operation.EMBEDDING, {"input": ["x" * 40, "y"], "encoding_format": "float"}, 11),
        (Operation.EMBEDDING, {"input": [[1, 2], [3]]}, 3),
        (Operation.TOKENIZE, {"content": "x" * 400}, 0),
        (Operation.DETOKENIZE, {"tokens": [1, 2]}, 0),
        (Operation.APPLY_TEMPLATE, ASKED, 0),
    ],
)
def test_a_job_is_taken_for_its_prompt_and_its_longest_answer(
    make_job: MakeJob, operation: Operation, request_: dict[str, Any], expected: int
) -> None:
    assert tokens(make_job(operation=operation, request=request_), 1000) == expected


def test_a_prompt_beyond_the_context_still_counts(make_job: MakeJob) -> None:
    job = make_job(operation=Operation.COMPLETION, request={"prompt": "x" * 8000, "sampling": {}})
    assert tokens(job, 1000) == 2001
