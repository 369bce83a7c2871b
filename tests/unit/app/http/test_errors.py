"""Failures of the front that need no Redis: one form for all, with the request's id."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from app.factory import create_app
from tasks.settings import Settings

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return create_app(Settings(max_body_bytes=2000, models_file=None, any_model_name=False)).test_client()


@pytest.mark.parametrize("path", ["/jobs", "/v1/chat/completions"])
@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({**CHAT, "model": "gpt"}, 404, "model_not_found", "model"),
        ({**CHAT, "temperature": 9}, 400, "invalid_value", "temperature"),
        ({**CHAT, "colour": "red"}, 400, "unknown_parameter", "colour"),
        ({**CHAT, "max_tokens": 0}, 400, "invalid_value", "max_tokens"),
    ],
)
def test_a_body_at_fault_is_refused(
    http: FlaskClient, path: str, body: Any, status: int, code: str, param: str | None
) -> None:
    response = http.post(path, json=body)
    error = response.get_json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("data", [b"", b"{", b'{"model": NaN}', b"\xff", b'"demo"'])
def test_a_body_that_is_no_json_object_is_refused(http: FlaskClient, data: bytes) -> None:
    response = http.post("/jobs", data=data)
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"stream": True}, "stream"),
        ({"prompt": "Once"}, "prompt"),
        ({"input": "Once"}, "input"),
    ],
)
def test_a_job_of_no_known_kind_is_refused(http: FlaskClient, change: dict[str, Any], param: str) -> None:
    response = http.post("/jobs", json={**CHAT, **change})
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("wait", ["-1", "soon", "nan", "inf"])
def test_a_preference_that_is_not_understood_is_ignored(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    def away(_: redis.Connection) -> None:
        raise redis.ConnectionError("No Redis here.")

    monkeypatch.setattr(redis.Connection, "connect", away)
    response = http.post("/jobs", json=CHAT, headers={"Prefer": f"respond-async, wait={wait}"})
    assert response.get_json()["error"]["code"] == "broker_unavailable", "the request came as far as the queue"


def test_a_key_that_is_too_long_is_refused(http: FlaskClient) -> None:
    response = http.post("/jobs", json=CHAT, headers={"Idempotency-Key": "k" * 256})
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=٣", "status=lost"])
def test_a_query_at_fault_is_refused_by_name(http: FlaskClient, query: str) -> None:
    response = http.get(f"/jobs?{query}")
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, query.partition("=")[0])


def test_an_address_where_nothing_is_is_not_found(http: FlaskClient) -> None:
    response = http.get("/nowhere")
    assert (response.status_code, response.get_json()["error"]["type"]) == (404, "not_found_error")


def test_a_wrong_method_is_told_the_right_ones(http: FlaskClient) -> None:
    response = http.put("/jobs")
    assert (response.status_code, response.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("method", "path", "status", "form"),
    [
        ("GET", "/api/nowhere", 404, "ollama"), ("GET", "/api/chat", 405, "ollama"), ("GET", "/api", 404, "ollama"),
        ("POST", "/v1/messages/nowhere", 404, "anthropic"), ("GET", "/v1/messages", 405, "anthropic"),
        ("PUT", "/messages", 405, "anthropic"), ("PATCH", "/v1/messages/batches", 405, "anthropic"),
        ("GET", "/apis", 404, "openai"), ("GET", "/v1/messagesx", 404, "openai"), ("PUT", "/v1/models", 405, "openai"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_in_the_form_of_its_face(
    http: FlaskClient, method: str, path: str, status: int, form: str
) -> None:
    response = http.open(path, method=method)
    told = response.get_json()
    assert response.status_code == status
    assert ("Allow" in response.headers) is (status == 405)
    match form:
        case "ollama":
            assert isinstance(told["error"], str)
        case "anthropic":
            assert (told["type"], bool(told["error"]["message"]), bool(told["request_id"])) == ("error", True, True)
        case _:
            assert set(told["error"]) == {"message", "type", "param", "code"}


def test_anthropics_clients_are_known_by_their_header(http: FlaskClient) -> None:
    told = http.get("/v1/skills", headers={"anthropic-version": "2023-06-01"}).get_json()
    assert (told["type"], told["error"]["type"]) == ("error", "not_found_error")


def test_a_body_that_is_too_large_is_refused(http: FlaskClient) -> None:
    response = http.post("/jobs", data=b" " * 2001)
    assert (response.status_code, response.get_json()["error"]["code"]) == (413, "request_too_large")
    assert "2000 bytes" in response.get_json()["error"]["message"]


def test_a_sane_request_id_comes_back(http: FlaskClient) -> None:
    assert http.get("/nowhere", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>"])
def test_any_other_request_id_is_replaced(http: FlaskClient, given: str) -> None:
    sent = http.get("/nowhere", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert sent != given
    assert len(sent) == 32


def test_the_methods_of_a_path_are_those_of_its_own_route(http: FlaskClient) -> None:
    assert http.options("/jobs/delete").allow.as_set() == {"options", "post"}
    assert http.options("/jobs").allow.as_set() == {"options", "get", "head", "post"}


@pytest.mark.parametrize("path", ["/jobs/wait", "/v1/chat/completions", "/v1/responses"])
def test_other_calls_take_no_list(http: FlaskClient, path: str) -> None:
    response = http.post(path, json=[CHAT])
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_json")
