"""What a key's limits let through, counted in a real Redis."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, cast

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.services.rate_counter import Rates, Use
from app.services.rate_window import Window
from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job, JobStatus
from tasks.records.outcome import Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.fronts import caller, front
from tests.support.jobs import completion, verdict
from tests.support.waiting import until

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "x" * 36}], "max_tokens": 90}
"""A hundred tokens at most."""
THREADS = 100
HOLDER = Holder("w1", "d1")


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


def use_of(rates: Rates, kind: str, key_id: str, *, limit: int, cost: int) -> tuple[bool, Window]:
    """Use so much of one limit, if there is so much; whether there was, and what is left."""
    entry = rates.enter([Use(kind=kind, whose=key_id, limit=limit, cost=cost)])
    return entry.verdict == "in", entry.windows[0]


def error(response: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = response.get_json()["error"]
    return found


def claim(store: Ledger, job_id: str, call: str) -> Job:
    claimed = store.leases.claim(job_id, HOLDER, model="fake", call=call).job
    assert claimed
    return claimed


def at_once(http: FlaskClient, headers: dict[str, str]) -> Counter[int]:
    """How a hundred submissions at once are answered."""
    barrier = threading.Barrier(THREADS)

    def submit(_: int) -> int:
        with http.application.test_client() as own:
            barrier.wait()
            return own.post("/jobs", json=CHAT, headers=headers).status_code

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(submit, range(THREADS)))


def test_of_a_hundred_requests_at_once_as_many_pass_as_the_key_has(http: FlaskClient, keys: KeyStore) -> None:
    assert at_once(http, caller(keys, requests_per_minute=37)) == {202: 37, 429: 63}


def test_of_a_hundred_jobs_at_once_as_many_are_accepted_as_the_key_may_have(
    http: FlaskClient, keys: KeyStore, client: redis.Redis
) -> None:
    assert at_once(http, caller(keys, jobs_in_flight=23)) == {202: 23, 429: 77}
    assert client.scard(redis_keys.in_flight("alice")) == client.zcard(redis_keys.pending("demo")) == 23


def test_tokens_are_counted_exactly(client: redis.Redis) -> None:
    rates, barrier = Rates(client), threading.Barrier(THREADS)

    def take(_: int) -> bool:
        barrier.wait()
        return use_of(rates, "tokens", "k", limit=1000, cost=90)[0]

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(take, range(THREADS))) == 11
    taken, window = use_of(rates, "tokens", "k", limit=1000, cost=10)
    assert (taken, window.remaining) == (True, 0)
    assert 118 <= window.reset_seconds <= 120


@pytest.mark.parametrize("seed", range(40))
def test_who_comes_again_when_told_to_is_let_through_and_not_before(client: redis.Redis, seed: int) -> None:
    """The script on any two minutes, and on the same ones some seconds older."""
    random = Random(seed)
    limit, rates = random.choice([1, 5, 60, 1000]), Rates(client)
    used = [random.randint(0, limit) for _ in range(2)]
    elapsed, cost = random.uniform(0, 59), random.randint(1, limit)

    def take(seconds_later: float) -> tuple[bool, Window]:
        seconds, micros = client.time()
        start = seconds + micros / 1e6 - elapsed - seconds_later
        figures: dict[str, str | int] = {"start": repr(start), "previous": used[0], "current": used[1]}
        client.hset(redis_keys.rate("tokens", "k"), mapping=cast("Any", figures))
        return use_of(rates, "tokens", "k", limit=limit, cost=cost)

    taken, window = take(0)
    if not taken:
        wait = window.wait_seconds(cost)
        assert take(wait + 0.1)[0]  # the wait was told a moment after the first try
        assert wait <= 2 or not take(wait - 2)[0]


def test_a_key_without_limits_is_told_of_none(http: FlaskClient, keys: KeyStore) -> None:
    answer = http.post("/jobs", json=CHAT, headers=caller(keys))
    assert answer.status_code == 202
    assert not [name for name, _ in answer.headers if name.lower().startswith("x-ratelimit")]


def test_what_is_left_is_told_as_openai_does(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, requests_per_minute=2, tokens_per_minute=1000)
    told = [http.post("/jobs", json=CHAT, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in told] == [202, 202, 429]
    first, _, last = (answer.headers for answer in told)
    assert (first["x-ratelimit-limit-requests"], first["x-ratelimit-remaining-requests"]) == ("2", "1")
    assert (first["x-ratelimit-limit-tokens"], first["x-ratelimit-remaining-tokens"]) == ("1000", "900")
    assert first["x-ratelimit-reset-requests"] in ("2m0s", "1m59s")
    assert first["x-ratelimit-reset-tokens"] in ("2m0s", "1m59s")
    assert last["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(last["Retry-After"]) <= 90
    refused = error(told[2])
    assert (refused["code"], refused["type"]) == ("rate_limit_exceeded", "rate_limit_error")


def test_tokens_run_out(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, tokens_per_minute=250)
    told = [http.post("/jobs", json=CHAT, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in told] == [202, 202, 429]
    assert told[2].headers["x-ratelimit-remaining-tokens"] == "50"
    assert "tokens a minute" in error(told[2])["message"]


def test_a_job_that_no_minute_has_room_for_is_a_bad_request(http: FlaskClient, keys: KeyStore) -> None:
    answer = http.post("/jobs", json={**CHAT, "max_tokens": None}, headers=caller(keys, tokens_per_minute=500))
    assert (answer.status_code, error(answer)["param"]) == (400, "max_tokens")
    assert "1024 tokens" in error(answer)["message"]


def test_what_only_asks_the_tokenizer_takes_no_tokens(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, tokens_per_minute=1)
    answer = http.post("/jobs", json=CHAT, headers=headers)
    assert answer.status_code == 400
    body = {"model": "demo", "content": "x" * 400}
    limited = caller(keys, jobs_in_flight=1, tokens_per_minute=1)
    http.application.extensions["caravan"].ledger.admission.submit(completion(owner="alice"), longest_queue=9)
    refused = http.post("/tokenize", json=body, headers=limited)  # comes as far as the queue
    assert "have not ended" in error(refused)["message"]


def test_each_key_has_a_minute_of_its_own(http: FlaskClient, keys: KeyStore) -> None:
    for _ in range(2):
        headers = caller(keys, requests_per_minute=1)
        assert [http.post("/jobs", json=CHAT, headers=headers).status_code for _ in range(2)] == [202, 429]


def test_running_a_job_again_counts(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, requests_per_minute=2, jobs_in_flight=1)
    job_id = http.post("/jobs", json=CHAT, headers=headers).get_json()["id"]
    http.post(f"/jobs/{job_id}/cancel", headers=headers)
    again = http.post(f"/jobs/{job_id}/retry", headers=headers)
    assert (again.status_code, again.headers["x-ratelimit-remaining-requests"]) == (202, "0")
    http.post(f"/jobs/{job_id}/cancel", headers=headers)
    assert http.post(f"/jobs/{job_id}/retry", headers=headers).status_code == 429


def test_a_job_that_is_known_by_its_idempotency_key_is_in_flight_once(http: FlaskClient, keys: KeyStore) -> None:
    headers = {**caller(keys, jobs_in_flight=1, requests_per_minute=2), "Idempotency-Key": "one"}
    first, again = (http.post("/jobs", json=CHAT, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert again.headers["x-ratelimit-remaining-requests"] == "0", "every call is counted"


def test_only_models_of_the_key_are_there(http: FlaskClient, keys: KeyStore) -> None:
    other, own = caller(keys, models=("other",)), caller(keys, models=("demo", "other"))
    refused = http.post("/jobs", json=CHAT, headers=other)
    assert (refused.status_code, error(refused)["code"]) == (404, "model_not_found")
    assert "demo" not in error(refused)["message"].replace("'demo'", "")
    assert http.get("/v1/models/demo", headers=other).status_code == 404
    for path, ids in (("/v1/models", "id"), ("/models", "id"), ("/queues", "model")):
        assert http.get(path, headers=other).get_json()["data"] == []
        assert [each[ids] for each in http.get(path, headers=own).get_json()["data"]] == ["demo"]
    assert http.post("/jobs", json=CHAT, headers=own).status_code == 202


@pytest.mark.parametrize(
    ("asked", "expected"), [({}, "low"), ({"priority": "low"}, "low"), ({"priority": "normal"}, None)]
)
def test_no_job_is_more_urgent_than_its_key_allows(
    http: FlaskClient, keys: KeyStore, asked: dict[str, str], expected: str | None
) -> None:
    answer = http.post("/jobs", json={**CHAT, **asked}, headers=caller(keys, priority="low"))
    if expected:
        assert answer.get_json()["priority"] == expected
    else:
        assert (answer.status_code, error(answer)["param"]) == (400, "priority")


def test_a_job_that_waits_is_made_no_more_urgent_than_its_key_allows(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, priority="normal")
    job = http.post("/jobs", json={**CHAT, "priority": "low"}, headers=headers).get_json()
    change = {
        name: http.patch(f"/jobs/{job['id']}", json={"priority": name}, headers=headers) for name in ("normal", "high")
    }
    assert (change["normal"].status_code, change["high"].status_code) == (200, 400)
    assert http.get(f"/jobs/{job['id']}", headers=headers).get_json()["priority"] == "normal"


def test_a_job_has_the_weight_of_its_key(http: FlaskClient, keys: KeyStore, store: Ledger) -> None:
    job_id = http.post("/jobs", json=CHAT, headers=caller(keys, weight=2.5)).get_json()["id"]
    job = store.jobs.get(job_id)
    assert job
    assert (job.weight, job.owner) == (2.5, "alice")


def test_an_owners_jobs_in_flight_are_those_that_have_not_ended(store: Ledger, client: redis.Redis) -> None:
    def live() -> set[Any]:
        return client.smembers(redis_keys.in_flight("alice"))

    def submit(**options: Any) -> str:
        job = completion(owner="alice", **options)
        assert verdict(store.admission.submit(job, longest_queue=9, most_in_flight=1)) == "accepted"
        assert verdict(store.admission.submit(completion(owner="alice"), longest_queue=9, most_in_flight=1)) == "busy"
        assert (
            verdict(store.admission.submit(completion(owner="bob"), longest_queue=99, most_in_flight=99)) == "accepted"
        )
        assert live() == {job.id}
        return job.id

    def retry(job_id: str, most: int) -> str:
        return verdict(store.admission.retry(job_id, owner="", longest_queue=99, most_in_flight=most))

    cancelled = submit()
    store.admission.cancel(cancelled)
    assert live() == set()
    assert retry(cancelled, 1) == "retried"
    assert live() == {cancelled}
    store.admission.forget(cancelled)
    assert live() == set()

    ended = submit()
    held = claim(store, ended, "1")
    assert live() == {ended}
    store.leases.give_back(HOLDER, ended, held.fence, 0)
    assert live() == {ended}
    held = claim(store, ended, "2")
    outcome = Outcome(choices=(), usage=Usage(prompt_tokens=1, completion_tokens=0))
    assert endings.succeed(store.leases, HOLDER, ended, held.fence, 0, outcome) == "ok"
    assert live() == set()

    first = submit()
    store.admission.cancel(first)
    second = submit()
    assert retry(first, 1) == "busy"
    assert retry(first, 2) == "retried"
    assert live() == {first, second}


def test_a_job_that_expires_is_in_flight_no_more(store: Ledger, client: redis.Redis) -> None:
    job = completion(owner="alice", timeout_seconds=0.001)
    store.admission.submit(job, longest_queue=9)
    until(lambda: store.line.sweep("fake").ended == [job.id], what="its time is over")
    found = store.jobs.get(job.id)
    assert found
    assert found.status is JobStatus.EXPIRED
    assert not client.exists(redis_keys.in_flight("alice"))


def test_without_redis_nothing_is_let_through(settings: Settings, keys: KeyStore, client: redis.Redis) -> None:
    http, headers = front(settings), caller(keys, requests_per_minute=5)
    client.config_set("maxmemory", 1)
    try:
        answer = http.post("/jobs", json=CHAT, headers=headers)
    finally:
        client.config_set("maxmemory", 0)
    assert (answer.status_code, error(answer)["code"]) == (503, "broker_unavailable")
