"""``POST /markdown``: what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.endpoints.markdown.rendering import MOST_CHARACTERS
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front


@pytest.fixture
def http(settings: Settings) -> FlaskClient:
    return front(settings)


def ask(http: FlaskClient, body: Any) -> tuple[int, Any]:
    answer = http.post("/markdown", json=body, headers=bearer(ADMIN_KEY))
    return answer.status_code, answer.get_json()


def test_a_text_is_rendered(http: FlaskClient) -> None:
    html = "<p>a <strong>b</strong></p>\n"
    assert ask(http, {"text": "a **b**"}) == (200, {"object": "markdown", "html": html})
    assert ask(http, {"text": ""})[0] == ask(http, {"text": "\0x\u202e" + "a " * 5000})[0] == 200


@pytest.mark.parametrize("body", [{}, {"text": 1}, {"text": "a", "more": 1}, {"text": "x" * (MOST_CHARACTERS + 1)}])
def test_what_is_no_text_or_too_long_is_refused(http: FlaskClient, body: Any) -> None:
    status, answer = ask(http, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


def test_half_a_character_is_refused_and_fails_nothing(http: FlaskClient) -> None:
    sent = http.post("/markdown", data=b'{"text": "\\ud800"}', headers=bearer(ADMIN_KEY))
    assert sent.status_code == 400


def test_it_asks_for_a_key(http: FlaskClient) -> None:
    assert http.post("/markdown", json={"text": "a"}).status_code == 401
