"""A small request cannot ask for a result that holds up a web process."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tasks.ledger.ledger import Ledger
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def http(settings: Settings, store: Ledger) -> FlaskClient:
    return front(settings)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES, "n": 128, "logprobs": True, "top_logprobs": 20}),
        ("/jobs", {"messages": MESSAGES, "n": 128, "logprobs": True, "top_logprobs": 20, "max_tokens": 500}),
        ("/v1/completions", {"prompt": ["a"] * 64, "n": 2, "logprobs": 20, "max_tokens": 100}),
        ("/jobs", {"prompt": ["a"] * 128, "logprobs": 20, "max_tokens": 49}),
    ],
)
def test_choices_times_tokens_times_logprobs_are_refused_by_their_sum(
    http: FlaskClient, path: str, body: dict[str, Any]
) -> None:
    answer = http.post(path, json={"model": "demo", **body}, headers=bearer(ADMIN_KEY))
    assert answer.status_code == 400
    assert answer.json is not None
    assert "131072 is the most" in answer.json["error"]["message"]
