"""Odd bytes, long names and characters that terminals obey: refused in a sentence, and told in short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from tasks.ledger import redis_keys
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.redis_server import RedisServer, free_port
from tests.support.web_front import WebFront, head

LONG = "x" * 300_000
SPACED = "x " * 150_000
QUOTED = "x'" * 150_000
MESSAGES = [{"role": "user", "content": "hi"}]
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings, flower_url=f"http://127.0.0.1:{free_port()}")


@pytest.fixture(scope="module")
def running(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebFront]:
    """A front under gunicorn that writes its log for a terminal, before a Flower that is away."""
    settings = {"CARAVAN_LOG_FORMAT": "console", "CARAVAN_FLOWER_URL": f"http://127.0.0.1:{free_port()}"}
    served = WebFront(tmp_path_factory.mktemp("front"), redis_server.url, **settings)
    served.start()
    yield served
    served.stop()


# -- bytes

LOGINS = [
    "Basic \xff", "Basic //79", "Basic é", "Basic", "Basic =", "Digest \xff=\xff", "\xff", "Bearer \xff", "Bearer",
    "Bearer  ",
]  # fmt: skip
LINES = ["GET /flower/", "POST /flower/a", "POST /jobs", "GET /jobs", "GET /v1/files", "POST /v1/files"]
TARGETS = [
    "/flower/\xff", "/flower/%ff%00%1b", "/flower/?\xff=\xff", "/flower/?a=%ff#\xff", "/\xff", "/jobs?after=\xff",
    "/jobs/%ff", "/v1/models/\xff",
]  # fmt: skip


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("path", ["/jobs", "/v1/models", "/admin/keys", "/nowhere"])
def test_a_login_of_any_bytes_is_refused(http: FlaskClient, path: str, login: str) -> None:
    answer = http.get(path, environ_overrides={"HTTP_AUTHORIZATION": login})
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("secret", [ADMIN_KEY, f"{ADMIN_KEY}=a", f"{ADMIN_KEY}a=b=="])
def test_a_key_may_have_every_character_that_the_settings_allow(
    settings: Settings, client: redis.Redis, secret: str
) -> None:
    assert front(settings, admin_key=secret).get("/jobs", headers=bearer(secret)).status_code == 200


HEADERS = [
    "Authorization", "Content-Type", "Accept", "Cookie", "Origin", "Sec-Fetch-Site", "X-Requested-With", "Host",
    "If-None-Match", "Range", "Prefer", "Idempotency-Key", "X-Request-Id", "Last-Event-Id", "X-On-Disconnect",
    "Content-Encoding",
]  # fmt: skip
VALUES = ["\xff", "é\xa0\x85", "a\xffb; q=\xff", '"\xff', "=?\xff?="]


@pytest.mark.parametrize("line", LINES)
def test_no_byte_of_a_header_makes_the_front_fail(running: WebFront, line: str) -> None:
    """A Flower that is away is 503, which is no failure of the front's."""
    for name in HEADERS:
        for value in VALUES:
            given = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json", "Content-Length": "2"}
            answer = running.ask(head(line, {**given, name: value, "Connection": "close"}) + b"{}")
            status = int(answer.split(b" ", 2)[1])
            assert status < 500 or status == 503, (line, name, value, answer)
    assert "Traceback" not in running.process.output()


@pytest.mark.parametrize("target", TARGETS)
def test_no_byte_of_a_target_makes_the_front_fail(running: WebFront, target: str) -> None:
    given = {"Authorization": f"Bearer {ADMIN_KEY}", "Connection": "close"}
    answer = running.ask(head(f"GET {target}", given))
    status = int(answer.split(b" ", 2)[1])
    assert status < 500 or status == 503, answer
    assert "Traceback" not in running.process.output()


def test_flower_without_its_slash_leads_to_flower(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, flower_url=f"http://127.0.0.1:{free_port()}")
    answer = http.get("/flower?a=b")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/flower/?a=b")


# -- long names


def chat(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": "demo", "messages": MESSAGES, **fields}


def long_bodies(name: str) -> list[tuple[str, Any]]:
    """Bodies that are refused for something of this name."""
    schema = {"type": "object", "properties": {name: {"type": name}}}
    part = {"role": "user", "content": [{"type": name, "text": "x"}]}
    return [
        chat(model=name),
        chat(**{name: 1}),
        chat(messages=[{"role": name, "content": "hi"}]),
        chat(messages=[{"role": "user", "content": "hi", name: 1}]),
        chat(messages=[part]),
        chat(tools=[{"type": name}]),
        chat(tools=[{"type": "function", "function": {"name": name}}]),
        chat(tools=[TOOL], tool_choice=name),
        chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": name}}),
        chat(tools=[{"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}]),
        chat(stop=[name] * 100),
        chat(logit_bias={name: "much"}),
        chat(metadata={name: 1}),
        chat(metadata={"a": name}),
        chat(priority=name),
        chat(service_tier=name),
        chat(reasoning_effort=name),
        chat(grammar=name),
        chat(grammar=f"root ::= {name}"),
        chat(response_format={"type": name}),
        chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}),
        ("/v1/completions", {"model": "demo", "prompt": "a", "suffix": name}),
        ("/v1/completions", {"model": name, "prompt": "a"}),
        ("/v1/embeddings", {"model": name, "input": "a"}),
        ("/v1/responses", {"model": "demo", "input": "a", "previous_response_id": name}),
        ("/v1/responses", {"model": "demo", "input": "a", "include": [name]}),
        ("/v1/responses", {"model": "demo", "input": [{"type": name}]}),
        (
            "/v1/responses",
            {"model": "demo", "input": [{"type": "function_call_output", "call_id": name, "output": ""}]},
        ),
        ("/v1/responses", {"model": "demo", "input": "a", "tools": [{"type": name}]}),
        ("/v1/responses", {"model": "demo", "input": "a", "tool_choice": {"type": name}}),
        ("/v1/batches", {"input_file_id": name, "endpoint": "/v1/completions", "completion_window": "24h"}),
        ("/v1/batches", {"input_file_id": "a", "endpoint": name, "completion_window": name}),
        ("/tokenize", {"model": name, "content": "a"}),
        ("/apply-template", {"model": "demo", "messages": [{"role": name, "content": "a"}]}),
        ("/jobs", {"model": "demo", "prompt": "a", "webhook_url": name}),
        ("/jobs", {"model": "demo", "prompt": "a", name: name}),
        ("/admin/keys", {"name": "a", "scopes": [name]}),
        ("/admin/keys", {"name": "a", "limits": {name: 1}}),
        ("/admin/keys", {"name": name}),
    ]


@pytest.mark.parametrize("name", [LONG, SPACED, QUOTED], ids=["a word", "words", "quotes"])
@pytest.mark.parametrize("case", range(len(long_bodies(""))))
def test_a_long_name_comes_back_in_short(
    http: FlaskClient, case: int, name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path, body = long_bodies(name)[case]
    answer = http.post(path, json=body, headers=bearer(ADMIN_KEY))
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.get_json()["error"]
    assert error["message"].count("x") <= 220, error["message"]  # our own words have some
    assert len(error["param"] or "") <= 200
    logged = capsys.readouterr()
    assert (logged.out + logged.err + caplog.text).count("x") < 2000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{}"), ("GET", "/v1/models/{}"), ("GET", "/v1/files/{}"), ("GET", "/v1/batches/{}"),
        ("GET", "/v1/responses/resp_{}"), ("DELETE", "/admin/keys/{}"), ("POST", "/queues/{}/pause"), ("GET", "/{}"),
        ("GET", "/jobs?after={}"), ("GET", "/jobs?status={}"), ("GET", "/jobs?limit={}"), ("GET", "/v1/files?after={}"),
        ("GET", "/v1/files?order={}"), ("GET", "/jobs?dead_letter=true&after={}"), ("GET", "/v1/batches?after={}"),
    ],
)  # fmt: skip
def test_a_long_path_comes_back_in_short(http: FlaskClient, method: str, path: str) -> None:
    answer = http.open(path.format("x" * 4000), method=method, headers=bearer(ADMIN_KEY))
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.text.count("x") <= 220


@pytest.mark.parametrize("header", ["Content-Encoding", "X-On-Disconnect", "Idempotency-Key", "Range", "Host"])
def test_a_long_header_comes_back_in_short(settings: Settings, client: redis.Redis, header: str) -> None:
    answer = front(settings, keys=False).post("/jobs", json={"model": "none"}, headers={header: "x" * 8000})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.text.count("x") <= 220


@pytest.mark.parametrize(
    "request_",
    [
        b"x" * 4000 + b" / HTTP/1.1\r\n\r\n",
        b"GET / " + b"x" * 4000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x" * 8000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nx(" + b"x" * 8000 + b": 1\r\n\r\n",
    ],
    ids=["method", "version", "line", "name"],
)
def test_a_request_that_cannot_be_read_comes_back_in_short(running: WebFront, request_: bytes) -> None:
    before = len(running.process.output())
    answer = running.ask(request_)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert answer.count(b"x") <= 220
    assert running.process.output()[before:].count("x") <= 300


# -- terminals


@pytest.mark.parametrize(
    "path", ["/a%1b]0;title%07", "/a%0aforged", "/a%0d%0aforged", "/a%c2%9b31m", "/a%e2%80%aeb", "/a%7f"]
)
def test_a_terminal_that_shows_the_log_has_nothing_to_obey(running: WebFront, path: str) -> None:
    before = len(running.process.output())
    running.ask(head(f"GET {path}", {"Authorization": f"Bearer {ADMIN_KEY}", "Connection": "close"}))
    logged = running.process.output()[before:]
    assert "/a" in logged
    assert all(line.isprintable() for line in logged.split("\n")), repr(logged)
    assert not any(line.startswith("forged") for line in logged.split("\n"))


# -- cursors


@pytest.mark.parametrize("query", ["", "dead_letter=true&"])
def test_a_cursor_that_is_anothers_is_as_good_as_none(settings: Settings, client: redis.Redis, query: str) -> None:
    http = front(settings)
    keys = http.application.extensions["caravan"].keys
    alice, bob = (bearer(keys.create(key(owner))[1]) for owner in ("alice", "bob"))
    job_id = http.post("/jobs", json={"model": "demo", "prompt": "a"}, headers=bob).get_json()["id"]
    client.zadd(redis_keys.dead_letters("demo"), {job_id: 1.0})
    foreign, nobodys = (
        http.get(f"/jobs?{query}after={each}", headers=alice)
        for each in (job_id, "00000000-0000-4000-8000-000000000000")
    )
    assert foreign.status_code == nobodys.status_code == 400
    assert foreign.get_json() == nobodys.get_json()
    assert http.get(f"/jobs?{query}after={job_id}", headers=bob).status_code == 200
