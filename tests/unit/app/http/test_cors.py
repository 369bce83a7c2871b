"""Pages of other origins: refused unless the settings name them, and then without a key for the preflight alone."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from tasks.settings import Settings

HOME = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def client(*origins: str) -> FlaskClient:
    return create_app(Settings(keys=True, cors_origins=origins)).test_client()


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_a_page_of_this_machine_may_call_by_default(keys: bool, origin: str) -> None:
    http = create_app(Settings(keys=keys)).test_client()
    answer = http.options("/v1/chat/completions", headers={"Origin": origin, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert http.get("/healthz", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [(HOME, "localhost"), ("http://localhost.evil.example", "localhost"), ("http://localhost:3000", "10.0.0.7:8000")],
)
def test_no_other_page_may_by_default_and_none_calls_another_machine(origin: str, host: str) -> None:
    http = create_app(Settings()).test_client()
    answer = http.options("/v1/chat/completions", headers={"Origin": origin, "Host": host, **PREFLIGHT})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_origins_none_is_let_in() -> None:
    http = client()
    assert "Access-Control-Allow-Origin" not in http.get("/healthz", headers={"Origin": HOME}).headers
    preflight = http.options("/jobs", headers={"Origin": HOME, **PREFLIGHT})
    assert preflight.status_code == 401
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_a_preflight_of_a_named_origin_needs_no_key() -> None:
    answer = client(HOME).options("/v1/chat/completions", headers={"Origin": HOME, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == HOME
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_the_call_itself_needs_one_and_its_refusal_can_be_read() -> None:
    answer = client(HOME).post("/jobs", headers={"Origin": HOME}, json={})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == HOME
    assert "x-ratelimit-reset-tokens" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]


def test_what_only_looks_like_a_preflight_needs_a_key() -> None:
    assert client(HOME).options("/jobs", headers={"Origin": HOME}).status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://app.example.org", "null", ""])
def test_another_origin_is_told_nothing(origin: str) -> None:
    http = client(HOME)
    assert "Access-Control-Allow-Origin" not in http.options("/jobs", headers={"Origin": origin, **PREFLIGHT}).headers
    assert "Access-Control-Allow-Origin" not in http.get("/healthz", headers={"Origin": origin}).headers


def test_a_star_is_any_origin_and_cookies_are_for_none() -> None:
    answer = client("*").get("/healthz", headers={"Origin": HOME})
    assert answer.headers["Access-Control-Allow-Origin"] == HOME
    assert "Access-Control-Allow-Credentials" not in answer.headers
