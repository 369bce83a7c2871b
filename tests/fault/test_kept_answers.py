"""Answers that are kept, while what keeps them and what makes them dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.crew import Ledger, assert_whole, fake_body
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 2, context: 512}
  fake: {path: fake, slots: 8, context: 512, kv_tokens: 4096, answer_cache: 1h}
"""


@pytest.fixture
def cluster(tmp_path: Path, own_server: RedisServer) -> Iterator[Cluster]:
    running = Cluster(
        tmp_path, models=MODELS, env={"CARAVAN_LEASE_SECONDS": "2"}, options=["--redis-url", own_server.url]
    )
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture
def ledger(own_server: RedisServer) -> Iterator[Ledger]:
    reading = Ledger(own_server.url)
    yield reading
    reading.close()


def answered(cluster: Cluster, ledger: Ledger, prompt: str, **headers: str) -> bool:
    """Whether a request is answered at once; such an answer is whole."""
    job = ledger.find(cluster.submit(fake_body(prompt), **headers)["id"])
    if not job.repeats:
        return False
    assert job.attempt == 0
    assert_whole(ledger.events(job), job)
    return True


def test_an_answer_that_a_killed_worker_began_is_kept_whole(cluster: Cluster, ledger: Ledger) -> None:
    first = ledger.find(cluster.submit(fake_body("a"))["id"])
    until(lambda: ledger.num_tokens(first) > 20, what="it has tokens")
    os.kill(cluster.pid_of("fake-1"), signal.SIGKILL)
    (ended,) = ledger.ended([first])
    assert ended.attempt > 1
    assert answered(cluster, ledger, "a")


def test_an_answer_outlives_redis_and_its_absence(cluster: Cluster, own_server: RedisServer, ledger: Ledger) -> None:
    first = ledger.find(cluster.submit(fake_body("a"))["id"])
    ledger.ended([first])
    assert answered(cluster, ledger, "a")
    own_server.kill()
    refused = cluster.http.post("/jobs", json=fake_body("a"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "broker_unavailable")
    own_server.start()
    until(lambda: cluster.http.get("/readyz").status_code == 200, what="the front has Redis again")
    assert answered(cluster, ledger, "a")


def test_a_request_that_came_twice_is_one_job(cluster: Cluster, own_server: RedisServer, ledger: Ledger) -> None:
    first = ledger.find(cluster.submit(fake_body("a"))["id"])
    ledger.ended([first])
    keys = [f"key-{number}" for number in range(12)]

    def send(key: str) -> int:
        return cluster.http.post("/jobs", json=fake_body("a"), headers={"Idempotency-Key": key}).status_code

    with ThreadPoolExecutor(len(keys)) as pool:
        own_server.freeze()
        sent = [pool.submit(send, key) for key in keys]
        time.sleep(4)
        own_server.mend()
        assert {each.result() for each in sent} <= {202, 503}
    until(lambda: cluster.http.get("/readyz").status_code == 200, what="the front has Redis again")
    again = [cluster.submit(fake_body("a"), **{"Idempotency-Key": key})["id"] for key in keys]
    assert again == [cluster.submit(fake_body("a"), **{"Idempotency-Key": key})["id"] for key in keys]
    listed = cluster.http.get("/jobs", params={"limit": 100, "model": "fake"}).json()["data"]
    assert sorted(each["id"] for each in listed) == sorted([first.id, *again])
    for job in map(ledger.find, again):
        assert job.repeats == first.id
        assert_whole(ledger.events(job), job)
