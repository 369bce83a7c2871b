"""One owner takes no more than its limits, or its share, of requests, streams and the line; others have room left."""

from __future__ import annotations

import io
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.services.open_streams import OpenStreams
from app.services.rate_counter import Rates, StreamUse
from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job
from tasks.records.outcome import Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.fronts import ADMIN_KEY, bearer, caller, front
from tests.support.redis_fixtures import redis_server

__all__ = ["redis_server"]

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "x" * 36}], "max_tokens": 90}
"""A hundred tokens at most."""
HOLDER = Holder("w1", "d1")
UPLOAD = b"a\n"
Headers = dict[str, str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 5.0})


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


def refusal(response: TestResponse) -> str:
    """The message of a 429 that says when to come again."""
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (429, "rate_limit_exceeded")
    assert int(response.headers["Retry-After"]) >= 1
    return str(error["message"])


def submit(http: FlaskClient, headers: Headers, **changes: Any) -> str:
    answer = http.post("/jobs", json={**CHAT, **changes}, headers=headers)
    assert answer.status_code == 202
    return str(answer.get_json()["id"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/models/demo/load", {}),
        ("POST", "/jobs", {"json": {"model": "demo"}}),
        ("POST", "/jobs", {"data": b"{"}),
        ("POST", "/v1/chat/completions", {"json": {"model": "nobody's"}}),
        ("POST", "/v1/files", {"data": {"purpose": "batch", "file": UPLOAD}}),
        ("POST", "/v1/files", {"data": b"no form"}),
        ("POST", "/v1/batches", {"json": {}}),
        ("POST", "/v1/batches/batch_1/retry", {}),
        ("POST", "/queues/demo/pause", {}),
        ("POST", "/nowhere", {}),
        ("GET", "/tokenizer_info?model=nobody's", {}),
    ],
)
def test_every_call_that_writes_is_counted_whatever_comes_of_it(
    http: FlaskClient, keys: KeyStore, method: str, path: str, body: dict[str, Any]
) -> None:
    headers = caller(keys, requests_per_minute=1)
    if isinstance(form := body.get("data"), dict):
        body = {"data": {**form, "file": (io.BytesIO(UPLOAD), "in.jsonl")}}
    first = http.open(path, method=method, headers=headers, **body)
    assert first.status_code != 429
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    message = refusal(http.post("/models/demo/load", headers=headers))
    assert "1 requests a minute (requests_per_minute): 1 are used" in message


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/jobs/delete", {"json": {"ids": ["1"]}}),
        ("POST", "/jobs/wait", {"json": {"ids": ["1"]}}),
        ("DELETE", "/v1/files/file-1", {}),
        ("POST", "/jobs/1/cancel", {}),
        ("POST", "/v1/batches/batch_1/cancel", {}),
        ("POST", "/v1/responses/resp_1/cancel", {}),
    ],
)
def test_a_caller_at_its_limit_may_give_back_what_it_has(
    http: FlaskClient, keys: KeyStore, method: str, path: str, body: dict[str, Any]
) -> None:
    headers = caller(keys, requests_per_minute=1)
    http.post("/models/demo/load", headers=headers)
    assert http.open(path, method=method, headers=headers, **body).status_code in (200, 404)


def test_a_call_over_its_limit_is_refused_before_its_body_is_read(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, requests_per_minute=1)
    http.post("/models/demo/load", headers=headers)

    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body is read")

    refusal(http.post("/jobs", input_stream=Unread(b"{}"), content_length=2, headers=headers))


def test_reads_are_bounded_by_a_share_and_leave_others_theirs(settings: Settings, keys: KeyStore) -> None:
    http = front(settings, all_reads_per_minute=8, owner_share=0.5)
    alice, again, bob = caller(keys), caller(keys), caller(keys, "bob")
    told = [http.get("/v1/models", headers=headers).status_code for headers in (alice, alice, again, again, alice)]
    assert told == [200, 200, 200, 200, 429], "the keys of an owner share"
    assert "4 reads a minute" in refusal(http.get("/jobs", headers=again))
    assert [http.get("/v1/models", headers=bob).status_code for _ in range(4)] == [200] * 4
    assert "All keys together have 8 reads" in refusal(http.get("/jobs", headers=caller(keys, "carol")))
    assert http.get("/v1/models", headers=bearer(ADMIN_KEY)).status_code == 200, "an operator can look"
    assert [http.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_requests_of_keys_without_limits_are_bounded_by_a_share(settings: Settings, keys: KeyStore) -> None:
    http = front(settings, all_requests_per_minute=4)
    alice, bob, free = caller(keys), caller(keys, "bob"), caller(keys, "carol", requests_per_minute=100)
    assert [http.post("/models/demo/load", headers=alice).status_code for _ in range(3)] == [202, 202, 429]
    assert "CARAVAN_ALL_REQUESTS_PER_MINUTE" in refusal(http.post("/models/demo/load", headers=alice))
    assert [http.post("/models/demo/load", headers=bob).status_code for _ in range(2)] == [202, 202]
    assert "All keys together" in refusal(http.post("/models/demo/load", headers=free))


def test_without_keys_nothing_is_counted(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, keys=False, admin_key=None, all_requests_per_minute=1, all_reads_per_minute=1, max_queue=4)
    assert [http.get("/v1/models").status_code for _ in range(3)] == [200] * 3
    assert [http.post("/jobs", json=CHAT).status_code for _ in range(5)] == [202] * 4 + [429], "the whole line is its"
    assert not client.keys("caravan:rate:*")


def test_a_request_costs_one_call_to_redis_beside_the_keys(settings: Settings, keys: KeyStore) -> None:
    http, headers, asked = front(settings), caller(keys), list[str]()
    rates = http.application.extensions["caravan"].rates
    run = rates._run

    def count(name: str, *args: Any) -> Any:
        asked.append(name)
        return run(name, *args)

    rates._run = count
    http.get("/healthz")
    http.get("/readyz")
    assert asked == []
    http.get("/jobs/1/events", headers=headers)
    http.post("/models/demo/load", headers=headers)
    assert asked == ["enter", "enter"]


def test_the_line_has_room_left_beside_one_owner(settings: Settings, keys: KeyStore) -> None:
    http = front(settings, max_queue=6)
    alice, bob = caller(keys), caller(keys, "bob")
    assert [http.post("/jobs", json=CHAT, headers=alice).status_code for _ in range(4)] == [202] * 3 + [429]
    assert "3 jobs of this owner have not ended" in refusal(http.post("/jobs", json=CHAT, headers=alice))
    assert [http.post("/jobs", json=CHAT, headers=bob).status_code for _ in range(3)] == [202] * 3


HELD = [
    ("GET", "/jobs/{id}/events", {}),
    ("GET", "/jobs/{id}?wait=1", {}),
    ("POST", "/jobs", {"json": CHAT, "headers": {"Prefer": "wait=1"}}),
    ("POST", "/v1/chat/completions", {"json": {**CHAT, "stream": True}}),
    ("POST", "/v1/chat/completions", {"json": CHAT}),
    ("POST", "/v1/completions", {"json": {"model": "demo", "prompt": "x", "stream": True}}),
    ("POST", "/v1/embeddings", {"json": {"model": "demo", "input": "x"}}),
    ("POST", "/v1/responses", {"json": {"model": "demo", "input": "x", "stream": True}}),
    ("GET", "/v1/responses/resp_{id}?stream=true", {}),
    ("POST", "/tokenize", {"json": {"content": "x"}}),
    ("POST", "/detokenize", {"json": {"tokens": [1]}}),
    ("GET", "/tokenizer_info", {}),
    ("POST", "/apply-template", {"json": CHAT}),
    ("GET", "/v1/files/file-1/content", {}),
]


@pytest.mark.parametrize(("method", "path", "options"), HELD, ids=[" ".join(case[:2]) for case in HELD])
def test_whatever_holds_a_connection_counts_among_the_owners_streams(
    http: FlaskClient, keys: KeyStore, method: str, path: str, options: dict[str, Any]
) -> None:
    headers = caller(keys, streams=1)
    job_id = submit(http, headers)
    held = http.get(f"/jobs/{job_id}/events", headers=headers)
    assert held.status_code == 200
    asked = {**options, "headers": {**headers, **options.get("headers", {})}}
    jobs = http.get("/jobs", headers=headers).get_json()["data"]
    message = refusal(http.open(path.format(id=job_id), method=method, **asked))
    assert "may hold 1 responses open at once (streams), and holds 1" in message
    assert http.get("/jobs", headers=headers).get_json()["data"] == jobs, "a stream that is refused leaves no job"
    assert http.get(f"/jobs/{job_id}", headers=headers).status_code == 200


def test_a_stream_that_is_closed_makes_room_for_another(http: FlaskClient, keys: KeyStore, client: redis.Redis) -> None:
    headers = caller(keys, streams=2)
    job_id = submit(http, headers)
    streams = [http.get(f"/jobs/{job_id}/events", headers=headers) for _ in range(3)]
    assert [stream.status_code for stream in streams] == [200, 200, 429]
    streams[0].close()
    assert http.get(f"/jobs/{job_id}/events", headers=headers).status_code == 200
    assert client.zcard(redis_keys.streams("alice")) == client.zcard(redis_keys.all_streams()) == 2


def test_whoever_has_read_a_stream_to_its_end_may_open_the_next(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, streams=1)
    job_id = submit(http, headers)
    stream = http.get(f"/jobs/{job_id}/events", headers=headers)
    http.post(f"/jobs/{job_id}/cancel", headers=headers)
    assert b"cancelled" in stream.get_data()
    assert http.get(f"/jobs/{job_id}/events", headers=headers).status_code == 200


def test_an_answer_that_is_there_holds_nothing_while_it_is_sent(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, streams=1)
    job_id = submit(http, headers)
    http.post(f"/jobs/{job_id}/cancel", headers=headers)
    assert [http.get(f"/jobs/{job_id}?wait=1", headers=headers).status_code for _ in range(3)] == [200] * 3


def test_a_stream_that_fails_before_it_begins_counts_no_more(
    http: FlaskClient, keys: KeyStore, client: redis.Redis
) -> None:
    headers = caller(keys, streams=1)
    for _ in range(3):
        answer = http.get("/jobs/nobodys/events", headers=headers)
        assert answer.status_code == 404
        answer.close()
    assert client.zcard(redis_keys.streams("alice")) == 0


def test_streams_of_all_owners_are_bounded_and_one_owner_leaves_room(settings: Settings, keys: KeyStore) -> None:
    http = front(settings, all_streams=4)
    alice, bob, carol = caller(keys), caller(keys, "bob", streams=9), caller(keys, "carol")
    for headers, statuses in ((alice, [200, 200, 429]), (bob, [200, 200, 429])):
        job_id = submit(http, headers)
        told = [http.get(f"/jobs/{job_id}/events", headers=headers).status_code for _ in range(3)]
        assert told == statuses
    assert "CARAVAN_ALL_STREAMS" in refusal(http.get(f"/jobs/{submit(http, carol)}/events", headers=carol))


def noted(client: redis.Redis, stream_id: str, seconds: float) -> str:
    stream = StreamUse(id=stream_id, owner="alice", seconds=seconds, most=1, most_all=9)
    return Rates(client).enter([], stream).verdict


def test_streams_of_a_process_that_was_killed_count_for_a_lease_and_no_longer(client: redis.Redis) -> None:
    assert noted(client, "of the dead", 60) == "in"
    assert noted(client, "next", 60) == "streams"
    seconds, _ = client.time()
    client.zadd(redis_keys.streams("alice"), {"of the dead": seconds - 1})
    assert noted(client, "next", 60) == "in"
    assert client.zrange(redis_keys.streams("alice"), 0, -1) == ["next"]


def test_a_stream_counts_as_long_as_its_process_renews_it(client: redis.Redis) -> None:
    streams = OpenStreams(client)
    assert noted(client, "one", 60) == "in"
    streams.begin("one", "alice")
    seconds, _ = client.time()
    client.zadd(redis_keys.streams("alice"), {"one": seconds + 0.5})
    assert streams.renew() == 1
    assert (client.zscore(redis_keys.streams("alice"), "one") or 0) > seconds + 20
    client.flushall()
    streams.renew()
    assert noted(client, "two", 60) == "streams", "also after Redis has forgotten it"
    streams.end("one")
    streams.end("one")
    assert noted(client, "two", 60) == "in"
    streams.close()


def left(http: FlaskClient, headers: Headers) -> int:
    """Tokens of the key's minute that are left, as a job of a hundred tells it."""
    answer = http.post("/jobs", json=CHAT, headers=headers)
    assert answer.status_code == 202
    return int(answer.headers["x-ratelimit-remaining-tokens"]) + 100


def end(store: Ledger, job_id: str, *, prompt: int, completion: int) -> None:
    claimed = store.leases.claim(job_id, HOLDER, model="demo", call=job_id).job
    assert isinstance(claimed, Job)
    outcome = Outcome(choices=(), usage=Usage(prompt_tokens=prompt, completion_tokens=completion))
    assert endings.succeed(store.leases, HOLDER, job_id, claimed.fence, 0, outcome) == "ok"


@pytest.mark.parametrize(("prompt", "completion"), [(10, 20), (10, 90), (700, 90)])
def test_a_jobs_end_settles_what_was_counted_in_advance(
    http: FlaskClient, keys: KeyStore, store: Ledger, prompt: int, completion: int
) -> None:
    headers = caller(keys, tokens_per_minute=1000)
    job_id = submit(http, headers)
    end(store, job_id, prompt=prompt, completion=completion)
    assert left(http, headers) == 1000 - prompt - completion


def test_what_a_cancelled_job_did_not_take_is_given_back_once(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, tokens_per_minute=1000)
    job_id = submit(http, headers)
    for _ in range(2):
        http.post(f"/jobs/{job_id}/cancel", headers=headers)
    http.delete(f"/jobs/{job_id}", headers=headers)
    assert left(http, headers) == 1000


def test_a_job_that_is_run_again_is_counted_and_settled_again(http: FlaskClient, keys: KeyStore, store: Ledger) -> None:
    headers = caller(keys, tokens_per_minute=1000)
    job_id = submit(http, headers)
    http.post(f"/jobs/{job_id}/cancel", headers=headers)
    again = http.post(f"/jobs/{job_id}/retry", headers=headers)
    assert again.headers["x-ratelimit-remaining-tokens"] == "900"
    end(store, job_id, prompt=10, completion=50)
    assert left(http, headers) == 940


@pytest.mark.parametrize(
    ("seconds", "expected"), [(61, {"previous": "30", "current": "0"}), (121, {"previous": "0", "current": "0"})]
)
def test_what_is_given_back_goes_to_the_minute_that_it_was_counted_in(
    http: FlaskClient, keys: KeyStore, store: Ledger, client: redis.Redis, seconds: int, expected: dict[str, str]
) -> None:
    headers = caller(keys, tokens_per_minute=1000)
    job_id = submit(http, headers)
    (window,) = map(str, client.keys("caravan:rate:tokens:*"))
    start = float(client.hget(window, "start") or 0)
    counted = str(client.hget(redis_keys.job(job_id), "metered")).split()
    client.hset(window, "start", repr(start - seconds))
    client.hset(redis_keys.job(job_id), "metered", f"{counted[0]} {float(counted[1]) - seconds} {counted[2]}")
    end(store, job_id, prompt=10, completion=20)
    assert client.hmget(window, "previous", "current") == list(expected.values())


def test_a_text_counts_by_its_bytes_in_any_script(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, tokens_per_minute=1000)
    body = {"model": "demo", "prompt": "字" * 400, "max_tokens": 1}
    answer = http.post("/jobs", json=body, headers=headers)
    assert answer.headers["x-ratelimit-remaining-tokens"] == str(1000 - 300 - 1)
