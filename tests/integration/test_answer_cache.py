"""Equal requests of every face, with a front and a real worker whose model keeps its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from app.factory import create_app
from tasks.ledger.ledger import Ledger
from tasks.settings import Settings
from tests.support.fake_worker import fake_worker
from tests.support.processes import Process

MODELS = "models: {fake: {path: fake, slots: 4, context: 512, answer_cache: 1h}}"
CHAT = {"model": "fake", "temperature": 0, "max_tokens": 24}


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


OLLAMA = {"model": "fake", "options": {"temperature": 0, "num_predict": 24}}
FACES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {**CHAT, "messages": said("a")},
    "/v1/completions": {**CHAT, "prompt": "b"},
    "/v1/responses": {"model": "fake", "temperature": 0, "max_output_tokens": 24, "input": "c"},
    "/v1/messages": {**CHAT, "messages": said("d")},
    "/completion": {"model": "fake", "temperature": 0, "n_predict": 24, "prompt": "e"},
    "/api/chat": {**OLLAMA, "messages": said("f")},
    "/api/generate": {**OLLAMA, "prompt": "g"},
}

CHANGES: list[dict[str, Any]] = [
    {"max_tokens": 23},
    {"stop": ["zz"]},
    {"n": 2},
    {"logprobs": True},
    {"presence_penalty": 0.5},
    {"messages": said("a ")},
    {"chat_template_kwargs": {"date_string": "1 Jan"}},
    {"reasoning_effort": "low"},
    {"messages": [{"role": "system", "content": ""}, *said("a")]},
]
SAMPLING: list[tuple[dict[str, Any], bool]] = [
    ({"temperature": 0}, True),
    ({"temperature": 0, "seed": -1}, True),
    ({"temperature": 0.8, "seed": 7}, True),
    ({"temperature": 0.8, "top_k": 1}, True),
    ({"temperature": 0.8}, False),
    ({"temperature": 0.8, "seed": -1}, False),
    ({}, False),
]


@pytest.fixture
def worker(client: redis.Redis, settings: Settings, tmp_path: Path) -> Iterator[Process]:
    with fake_worker(client, settings, tmp_path, models=MODELS) as process:
        yield process


@pytest.fixture
def http(settings: Settings, tmp_path: Path, worker: Process, store: Ledger) -> Iterator[FlaskClient]:
    app = create_app(Settings(**{**settings.model_dump(), "models_file": tmp_path / "models.yaml"}))
    yield app.test_client()
    app.extensions["caravan"].hub.close()


def ask(http: FlaskClient, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    streams = {"stream": False} if path.startswith("/api") else {}
    answer = http.post(path, json=body | streams, headers=headers)
    assert answer.status_code == 200, answer.get_data()
    told: dict[str, Any] = answer.get_json()
    return told


def stream(http: FlaskClient, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    options = {"stream_options": {"include_usage": True}} if path.endswith("/completions") else {}
    answer = http.post(path, json={**body, "stream": True, **options})
    lines = [line.removeprefix("data: ") for line in answer.get_data(as_text=True).splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def marks(told: Any) -> list[bool]:
    """Every mark of a cached answer, wherever it stands."""
    if isinstance(told, list):
        return [mark for each in told for mark in marks(each)]
    if not isinstance(told, dict):
        return []
    own = [told["answer_cached"]] if "answer_cached" in told else []
    return own + [mark for each in told.values() for mark in marks(each)]


def texts(told: Any) -> str:
    """All that is said, in its order."""
    names = ("content", "text", "response", "delta", "thinking")
    if isinstance(told, list):
        return "".join(map(texts, told))
    if not isinstance(told, dict):
        return ""
    own = "".join(value for name in names if isinstance(value := told.get(name), str))
    return own + "".join(texts(value) for name, value in told.items() if isinstance(value, dict | list))


def deltas(told: list[dict[str, Any]]) -> str:
    """What the pieces of a stream add up to: events that repeat a whole text are left out."""
    whole = ("done", "completed", "incomplete", "added", "stop")
    return "".join(texts(each) for each in told if not str(each.get("type", "")).endswith(whole))


def is_cached(http: FlaskClient, path: str, body: dict[str, Any], **headers: str) -> bool:
    return marks(ask(http, path, body, **headers)) == [True]


def test_each_face_answers_again_and_says_so(http: FlaskClient) -> None:
    for path, body in FACES.items():
        first, again, streamed = ask(http, path, body), ask(http, path, body), stream(http, path, body)
        assert (marks(first), marks(again)) == ([], [True]), path
        assert texts(again) == texts(first) != "", path
        assert set(marks(streamed)) == {True}, path
        assert deltas(streamed) in texts(first), path


def test_streams_have_the_chunks_of_a_stream_that_was_run(http: FlaskClient) -> None:
    body = FACES["/v1/chat/completions"]
    run, again = stream(http, "/v1/chat/completions", body), stream(http, "/v1/chat/completions", body)
    assert (marks(run), marks(again)) == ([], [True])
    assert len(again) > 3
    assert [each["choices"] for each in again] == [each["choices"] for each in run]
    assert again[-1]["timings"]["prompt_n"] == again[-1]["timings"]["predicted_ms"] == 0
    assert again[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == again[-1]["usage"]["prompt_tokens"]


def test_whatever_changes_an_answer_is_asked_anew(http: FlaskClient) -> None:
    path = "/v1/chat/completions"
    ask(http, path, FACES[path])
    for changes in CHANGES:
        assert not is_cached(http, path, FACES[path] | changes), changes
        assert is_cached(http, path, FACES[path] | changes), changes


def test_what_changes_no_answer_is_no_other_request(http: FlaskClient) -> None:
    path = "/v1/chat/completions"
    ask(http, path, FACES[path])
    beside = {"metadata": {"a": "b"}, "seed": 5, "priority": "high", "user": "u", "service_tier": "flex"}
    for changes in ({name: value} for name, value in beside.items()):
        assert is_cached(http, path, FACES[path] | changes), changes


def test_a_request_is_the_same_by_whichever_api_it_comes(http: FlaskClient) -> None:
    ask(http, "/v1/chat/completions", CHAT | {"messages": said("x")})
    assert is_cached(http, "/v1/messages", CHAT | {"messages": said("x")})
    assert is_cached(http, "/api/chat", OLLAMA | {"messages": said("x")})


def test_only_answers_that_are_certain_to_be_the_same_are_kept(http: FlaskClient) -> None:
    for number, (sampling, kept) in enumerate(SAMPLING):
        body = {"model": "fake", "max_tokens": 8, "prompt": f"x{number}", **sampling}
        ask(http, "/v1/completions", body)
        assert is_cached(http, "/v1/completions", body) is kept, sampling


def test_a_client_may_ask_for_a_new_answer_or_for_none_to_be_kept(http: FlaskClient) -> None:
    path = "/v1/completions"
    assert not is_cached(http, path, FACES[path], **{"Cache-Control": "no-store"})
    assert not is_cached(http, path, FACES[path])
    assert is_cached(http, path, FACES[path])
    for wish in ("no-cache", "max-age=0", "no-store", "No-Store", "MAX-AGE=0"):
        assert not is_cached(http, path, FACES[path], **{"Cache-Control": wish}), wish
    assert is_cached(http, path, FACES[path], **{"Cache-Control": "max-age=60, nonsense=1"})


def test_jobs_are_answered_when_they_are_accepted_alone_or_many(http: FlaskClient, store: Ledger) -> None:
    body = {**CHAT, "prompt": "j"}
    first = http.post("/jobs", json=body, headers={"Prefer": "wait=20"}).get_json()
    assert (first["status"], first["attempt"], marks(first)) == ("succeeded", 1, [])
    told = http.post("/jobs", json=body)
    again = told.get_json()
    assert (told.status_code, again["status"], again["attempt"]) == (202, "succeeded", 0)
    assert again["id"] != first["id"]
    assert again["started_at"] is None
    assert again["result"]["choices"] == first["result"]["choices"]
    assert set(again["timings"].values()) == {0, None}
    assert marks(again["usage"]) == [True]
    many = http.post("/jobs", json=[body, body, {**body, "prompt": "k"}]).get_json()["data"]
    found = [http.get(f"/jobs/{each['id']}").get_json() for each in many]
    assert [each["attempt"] for each in found[:2]] == [0, 0]
    assert [marks(each["usage"]) for each in found[:2]] == [[True], [True]]
    assert http.post("/jobs/delete", json={"ids": [first["id"]]}).get_json()["deleted"] == 1
    assert http.post("/jobs", json=body).get_json()["status"] in ("queued", "running")


def test_no_worker_is_needed_nor_woken(http: FlaskClient, worker: Process, client: redis.Redis, store: Ledger) -> None:
    path = "/v1/chat/completions"
    ask(http, path, FACES[path])
    assert worker.stop() == 0
    client.delete(*client.keys("caravan:want:*") or ["-"])
    assert is_cached(http, path, FACES[path])
    assert client.keys("caravan:want:*") == []


def test_a_changed_entry_begins_anew(
    http: FlaskClient, worker: Process, client: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    path = "/v1/chat/completions"
    ask(http, path, FACES[path])
    assert worker.stop() == 0
    (tmp_path / "other").mkdir()
    with fake_worker(client, settings, tmp_path / "other", models=MODELS.replace("512", "256")):
        assert not is_cached(http, path, FACES[path])
        assert is_cached(http, path, FACES[path])


def test_hits_and_misses_are_told_of_each_model(http: FlaskClient) -> None:
    path = "/v1/completions"
    ask(http, path, FACES[path])
    ask(http, path, FACES[path])
    page = http.get("/metrics").get_data(as_text=True)
    for result in ("hit", "miss"):
        assert f'caravan_answers_total{{model="fake",result="{result}"}} 1.0' in page
