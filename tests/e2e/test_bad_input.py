"""Bad input gets an error of the table that names the field; nothing is enqueued."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import Cluster, chat

KING = [{"role": "king", "content": "x"}]
HELLO = [{"role": "user", "content": "Hello"}]

FAULTS: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("unknown model", {"model": "gpt-7", "messages": HELLO}, 404, "model_not_found", "model"),
    ("empty prompt", {"model": "demo", "prompt": ""}, 400, "invalid_value", "prompt"),
    ("no messages", {"model": "demo", "messages": []}, 400, "invalid_value", "messages"),
    ("neither", {"model": "demo"}, 400, "invalid_value", "messages"),
    ("both", {"model": "demo", "messages": HELLO, "prompt": "x"}, 400, "invalid_value", "prompt"),
    ("embedding", {"model": "demo", "input": "x"}, 400, "invalid_value", "model"),
    ("prompt of a wrong type", {"model": "demo", "prompt": 7}, 400, "invalid_value", "prompt"),
    ("unknown role", {"model": "demo", "messages": KING}, 400, "invalid_value", "messages.0.role"),
    ("negative max_tokens", chat("x", max_tokens=-2), 400, "invalid_value", "max_tokens"),
    ("huge max_tokens", chat("x", max_tokens=10**12), 400, "invalid_value", "max_tokens"),
    ("max_tokens as text", chat("x", max_tokens="5"), 400, "invalid_value", "max_tokens"),
    ("temperature", chat("x", temperature=3), 400, "invalid_value", "temperature"),
    ("top_p", chat("x", top_p=0), 400, "invalid_value", "top_p"),
    ("n", chat("x", n=0), 400, "invalid_value", "n"),
    ("an unknown parameter", chat("x", best_of=2), 400, "unknown_parameter", "best_of"),
    ("priority", chat("x", priority="urgent"), 400, "invalid_value", "priority"),
    ("timeout", chat("x", timeout=0), 400, "invalid_value", "timeout"),
    ("metadata", chat("x", metadata={"a": 1}), 400, "invalid_value", "metadata.a"),
    ("stream", chat("x", stream=True), 400, "invalid_value", "stream"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "param"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_body_at_fault_is_refused(
    cluster: Cluster, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    accepted = cluster.accepted()
    response = cluster.http.post("/jobs", json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert cluster.accepted() == accepted


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b'{"model":"demo","prompt":"\xff\xfe"}', b'{"model":"demo","prompt":"\\ud800"}',
     b'{"model":"demo","prompt":"x","temperature":NaN}', b"[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/jobs", "/v1/chat/completions", "/v1/completions"])
def test_what_is_not_a_json_object_is_refused(cluster: Cluster, path: str, content: bytes) -> None:
    response = cluster.http.post(path, content=content)
    assert response.status_code == 400
    is_empty_list = (path, content) == ("/jobs", b"[]")
    assert response.json()["error"]["code"] == ("invalid_value" if is_empty_list else "invalid_json")


def test_a_body_over_the_limit_is_refused(cluster: Cluster) -> None:
    response = cluster.http.post("/jobs", json=chat("x" * (1 << 20)))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_a_prompt_longer_than_the_context_fails_in_the_worker(cluster: Cluster) -> None:
    asked = chat("What is 1 + 1? " * 400)
    job = cluster.submit(asked, Prefer="wait=20")
    assert job["status"] == "failed"
    assert job["error"]["code"] == "context_length_exceeded"
    assert job["error"]["param"] == "messages"
    for stream in (False, True):
        response = cluster.http.post("/v1/chat/completions", json={**asked, "stream": stream})
        assert response.status_code == 400
        assert response.json()["error"] == job["error"]


@pytest.mark.parametrize("path", ["/jobs/none", "/jobs/none/events"])
def test_an_unknown_job_is_404(cluster: Cluster, path: str) -> None:
    response = cluster.http.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "job_not_found"


def test_a_finished_job_cannot_be_cancelled(cluster: Cluster) -> None:
    job = cluster.submit(chat("Count to 2."), Prefer="wait=20")
    response = cluster.http.post(f"/jobs/{job['id']}/cancel")
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "job_already_finished"
    assert cluster.http.post("/jobs/none/cancel").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/jobs", 405),
        ("GET", "/jobs?limit=0", 400),
        ("GET", "/jobs?limit=ten", 400),
        ("GET", "/jobs?limit=000000005999999", 400),
        ("GET", "/jobs?status=done", 400),
        ("GET", "/jobs?after=none", 400),
        ("GET", "/v1/models/none", 404),
    ],
)
def test_every_refusal_has_one_form(cluster: Cluster, method: str, path: str, status: int) -> None:
    response = cluster.http.request(method, path)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("query", ["wait=-1", "wait=nan", "wait=soon", "wait=inf"])
def test_a_wait_that_is_no_number_is_refused(cluster: Cluster, query: str) -> None:
    job = cluster.submit(chat("Count to 2."))
    assert cluster.http.get(f"/jobs/{job['id']}?{query}").status_code == 400


@pytest.mark.parametrize("cursor", ["x", "-", "1", "1-", "1-2-3", "99999999999999999999-1", "1 -1"])
def test_a_cursor_that_is_none_is_refused(cluster: Cluster, cursor: str) -> None:
    job = cluster.submit(chat("Count to 2."))
    assert cluster.http.get(f"/jobs/{job['id']}/events", headers={"Last-Event-ID": cursor}).status_code == 400


def test_a_request_id_is_taken_over_only_if_it_is_sane(cluster: Cluster) -> None:
    assert cluster.http.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert cluster.http.get("/healthz", headers={"X-Request-Id": 'a" b'}).headers["X-Request-Id"] != 'a" b'


@pytest.mark.parametrize("framed", [b"ZZ\r\n", b"-5\r\n", b"3\r\nabcdef", b"0\r\nfoo\r\n\r\n"])
def test_a_malformed_chunked_body_is_refused(cluster: Cluster, framed: bytes) -> None:
    assert _raw(cluster, b"Transfer-Encoding: chunked\r\n\r\n" + framed).startswith(b"HTTP/1.1 400")


def test_a_body_that_is_cut_is_refused(cluster: Cluster) -> None:
    body = b'{"model":"demo","prompt":"Hello"}'
    assert _raw(cluster, b"Content-Length: 1000\r\n\r\n" + body).startswith(b"HTTP/1.1 400")


def test_the_limit_holds_for_a_chunked_body(cluster: Cluster) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"model":"demo","prompt":"Hello"}'
        for _ in range(20):
            yield b" " * 65_536

    response = cluster.http.post("/jobs", content=pieces())
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_a_text_that_is_slow_to_tokenise_does_not_hold_up_the_others(cluster: Cluster) -> None:
    slow = cluster.submit({"model": "demo", "prompt": "<|im_end|>" * 100_000})
    began = time.monotonic()
    assert cluster.submit(chat("Count to 2."), Prefer="wait=20")["status"] == "succeeded"
    assert time.monotonic() - began < 8, "the text alone would take twelve seconds"
    assert cluster.job(slow["id"], wait=20)["error"]["code"] == "context_length_exceeded"


def _raw(cluster: Cluster, request: bytes) -> bytes:
    """The beginning of the answer to a request that no client library would send."""
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=10) as connection:
        connection.sendall(b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1000)


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "What is 12 + 7?"}]}, "max_tokens"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}, "max_completion_tokens"),
        ("/v1/completions", {"prompt": "What is 12 + 7?"}, "max_tokens"),
        ("/v1/responses", {"input": "What is 12 + 7?"}, "max_output_tokens"),
        ("/jobs", {"prompt": "What is 12 + 7?"}, "max_tokens"),
    ],
)
def test_a_limit_beyond_the_context_is_no_error(
    cluster: Cluster, path: str, asked: dict[str, object], field: str
) -> None:
    body = {"model": "demo", "temperature": 0, field: 100_000, **asked}
    response = cluster.http.post(path, json=body, timeout=60)
    assert response.status_code == (202 if path == "/jobs" else 200), response.text


def test_an_answer_whose_limit_is_beyond_the_context_ends_with_length_where_that_is_full(cluster: Cluster) -> None:
    for limit in (100_000, -1):
        body = {"model": "demo", "prompt": "Once upon a time", "max_tokens": limit, "ignore_eos": True}
        answer = cluster.http.post("/v1/completions", json=body, timeout=120).json()
        assert answer["choices"][0]["finish_reason"] == "length"
        context = next(one["context"] for one in cluster.http.get("/models").json()["data"] if one["id"] == "demo")
        assert answer["usage"]["total_tokens"] == context
