"""Lists of jobs: each is accepted or refused by itself, and they are waited for together."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from app.jobs import many
from tasks.ledger import redis_keys
from tasks.ledger.admission import Idempotency
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.fronts import caller, front
from tests.support.jobs import completion

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "x" * 36}], "max_tokens": 90}
"""A hundred tokens at most."""
HOLDER = Holder("w1", "d1")


@pytest.fixture
def http(settings: Settings, client: redis.Redis) -> FlaskClient:
    return front(settings)


@pytest.fixture
def alice(keys: KeyStore) -> dict[str, str]:
    return caller(keys)


def hand_in(http: FlaskClient, bodies: list[Any], **headers: Any) -> list[dict[str, Any]]:
    answer = http.post("/jobs", json=bodies, headers=headers.pop("headers", {}))
    assert answer.status_code == 207, answer.text
    data: list[dict[str, Any]] = answer.get_json()["data"]
    return data


def statuses(verdicts: list[dict[str, Any]]) -> list[int]:
    return [each["status_code"] for each in verdicts]


def end(store: Ledger, job_id: str, text: str = "Hi") -> None:
    held = store.leases.claim(job_id, HOLDER, model="demo", call=job_id).job
    assert held
    choices = (Choice(index=0, text=text, finish_reason="stop"),)
    outcome = Outcome(choices=choices, usage=Usage(prompt_tokens=1, completion_tokens=1))
    assert endings.succeed(store.leases, HOLDER, job_id, held.fence, 0, outcome) == "ok"


def test_each_job_of_a_list_has_its_own_verdict(http: FlaskClient, keys: KeyStore, store: Ledger) -> None:
    wrong: list[Any] = [
        {**CHAT, "model": "nope"}, {**CHAT, "temperature": 9}, {"model": "demo"}, "Hi", None, [CHAT],
        {**CHAT, "stream": True}, {**CHAT, "idempotency_key": ""}, {**CHAT, "input": "Hi"},
    ]  # fmt: skip
    told = hand_in(http, [CHAT, *wrong, {"model": "demo", "prompt": "Hi", "priority": "low"}], headers=caller(keys))
    assert statuses(told) == [202, 404, *[400] * (len(wrong) - 1), 202]
    assert all((each["id"] is None) == (each["error"] is not None) for each in told)
    assert [each["error"]["param"] for each in told[1:4]] == ["model", "temperature", "messages"]
    first, last = (store.jobs.get(told[at]["id"]) for at in (0, -1))
    assert first
    assert last
    assert (first.owner, first.priority.value, last.priority.value) == ("alice", "normal", "low")


@pytest.mark.parametrize("number", [0, 1001])
def test_a_list_has_at_least_one_job_and_not_too_many(http: FlaskClient, alice: dict[str, str], number: int) -> None:
    answer = http.post("/jobs", json=[1] * number, headers=alice)
    assert answer.status_code == 400
    assert f"this one has {number}" in answer.get_json()["error"]["message"]


def test_a_list_is_the_same_jobs_however_often_it_comes(
    http: FlaskClient, client: redis.Redis, alice: dict[str, str]
) -> None:
    bodies = [CHAT, {**CHAT, "idempotency_key": "own"}, CHAT]
    first, again = (hand_in(http, bodies, headers={**alice, "Idempotency-Key": "list"}) for _ in range(2))
    assert first == again
    assert len({each["id"] for each in first}) == 3
    assert client.zcard(redis_keys.pending("demo")) == 3
    other = hand_in(http, [CHAT, {**CHAT, "idempotency_key": "own"}, {**CHAT, "seed": 1}, CHAT],
                    headers={**alice, "Idempotency-Key": "list"})  # fmt: skip
    assert statuses(other) == [202, 202, 409, 202]
    assert other[2]["error"]["code"] == "idempotency_key_reused"


def test_a_key_in_the_body_is_that_of_the_header(http: FlaskClient, alice: dict[str, str]) -> None:
    by_header = http.post("/jobs", json=CHAT, headers={**alice, "Idempotency-Key": "k"}).get_json()
    by_body = http.post("/jobs", json={**CHAT, "idempotency_key": "k"}, headers=alice).get_json()
    (in_list,) = hand_in(http, [{**CHAT, "idempotency_key": "k"}], headers=alice)
    assert by_header["id"] == by_body["id"] == in_list["id"]


def test_there_is_room_for_some_of_a_list(settings: Settings, alice: dict[str, str]) -> None:
    """An owner's share of the line is a half."""
    answer = front(settings, max_queue=4).post("/jobs", json=[CHAT] * 3, headers=alice)
    assert statuses(answer.get_json()["data"]) == [202, 202, 429]
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_list_has_the_owners_jobs_in_flight(http: FlaskClient, keys: KeyStore) -> None:
    told = hand_in(http, [CHAT] * 4, headers=caller(keys, jobs_in_flight=3))
    assert statuses(told) == [202, 202, 202, 429]


def test_a_list_counts_as_many_requests(http: FlaskClient, keys: KeyStore) -> None:
    headers = caller(keys, requests_per_minute=5)
    assert http.post("/jobs", json=[CHAT] * 3, headers=headers).headers["x-ratelimit-remaining-requests"] == "2"
    answer = http.post("/jobs", json=[CHAT] * 3, headers=headers)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "rate_limit_exceeded")
    answer = http.post("/jobs", json=[CHAT] * 6, headers=caller(keys, requests_per_minute=5))
    assert answer.status_code == 400
    assert "5 are allowed a minute" in answer.get_json()["error"]["message"]


def test_a_list_counts_its_tokens_once(http: FlaskClient, keys: KeyStore, client: redis.Redis) -> None:
    headers = {**caller(keys, tokens_per_minute=350), "Idempotency-Key": "k"}
    told = hand_in(http, [CHAT] * 3, headers=headers)
    metered = [str(client.hget(redis_keys.job(each["id"]), "metered")) for each in told]
    assert [each.split()[0] for each in metered] == ["100"] * 3
    assert hand_in(http, [CHAT] * 3, headers=headers) == told, "the same jobs take no tokens"
    answer = http.post("/jobs", json=[CHAT] * 3, headers=caller(keys, tokens_per_minute=250))
    assert answer.status_code == 400
    assert "Send fewer jobs at once" in answer.get_json()["error"]["message"]


def test_a_ledger_that_forgot_its_scripts_accepts_all(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    asked = [(completion(), Idempotency(str(number), "d")) for number in range(3)]
    client.script_flush()
    takes = {"fake": store.line.taking("fake")}
    replies, taken = store.admission.accept_many(asked, takes=takes, longest_queue=9)
    assert [getattr(reply, "verdict", reply) for reply in replies] == ["accepted"] * 3
    assert taken == {"fake": [asked[0][0].id, asked[1][0].id]}


def test_those_that_have_ended_are_told(
    http: FlaskClient, keys: KeyStore, store: Ledger, alice: dict[str, str]
) -> None:
    bob = caller(keys, owner="bob")
    first, second = (each["id"] for each in hand_in(http, [CHAT] * 2, headers=alice))
    asked = {"ids": [first, second, first, "none"]}
    end(store, first)
    told = http.post("/jobs/wait", json=asked, headers=alice).get_json()
    assert [(job["id"], job["status"]) for job in told["data"]] == [(first, "succeeded")]
    assert told["missing"] == ["none"]
    foreign = http.post("/jobs/wait", json=asked, headers=bob).get_json()
    assert (foreign["data"], foreign["missing"]) == ([], [first, second, "none"])


def test_the_answer_comes_when_the_first_has_ended(http: FlaskClient, store: Ledger, alice: dict[str, str]) -> None:
    ids = [each["id"] for each in hand_in(http, [CHAT] * 3, headers=alice)]
    assert http.post("/jobs/wait", json={"ids": ids, "wait": 0.05}, headers=alice).get_json()["data"] == []
    later = threading.Timer(0.2, end, (store, ids[1]))
    later.start()
    began = time.monotonic()
    told = http.post("/jobs/wait", json={"ids": ids, "wait": 60}, headers=alice).get_json()["data"]
    later.join()
    assert [job["id"] for job in told] == [ids[1]]
    assert time.monotonic() - began < 30


def test_large_results_come_with_several_answers(
    http: FlaskClient, store: Ledger, alice: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MOST_BYTES", 3000)
    ids = {each["id"] for each in hand_in(http, [CHAT] * 5, headers=alice)}
    for job_id in ids:
        end(store, job_id, text="x" * 1000)
    calls = 0
    while ids:
        told = http.post("/jobs/wait", json={"ids": list(ids)}, headers=alice).get_json()["data"]
        assert 1 <= len(told) <= 2
        ids -= {job["id"] for job in told}
        calls += 1
    assert calls == 3


@pytest.mark.parametrize("wrong", [{"ids": []}, {"ids": ["a"] * 1001}, {"ids": ["a"], "wait": -1}, {"ids": "a"}, {}])
def test_a_wait_that_cannot_be_is_refused(http: FlaskClient, alice: dict[str, str], wrong: dict[str, Any]) -> None:
    assert http.post("/jobs/wait", json=wrong, headers=alice).status_code == 400


def test_a_redis_that_is_full_refuses_each_job(http: FlaskClient, client: redis.Redis, alice: dict[str, str]) -> None:
    client.config_set("maxmemory", 1)
    try:
        told = hand_in(http, [CHAT] * 2, headers=alice)
    finally:
        client.config_set("maxmemory", 0)
    assert statuses(told) == [503, 503]
    assert {each["error"]["code"] for each in told} == {"broker_unavailable"}
