"""Streams of an owner in a cluster as `caravan up` starts it: they end with their responses."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from tests.support.cluster import Cluster, chat
from tests.support.fronts import ADMIN_KEY, bearer
from tests.support.waiting import until

HEARTBEAT = "0.3"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    env = {
        "CARAVAN_KEYS": "true",
        "CARAVAN_ADMIN_KEY": ADMIN_KEY,
        "CARAVAN_THREADS": "1",
        "CARAVAN_HEARTBEAT_SECONDS": HEARTBEAT,
    }
    running = Cluster(tmp_path_factory.mktemp("streams"), env=env)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def alice(cluster: Cluster) -> Iterator[httpx.Client]:
    """Calls of an owner who may hold one response open."""
    body = {"name": f"alice-{os.urandom(4).hex()}", "limits": {"streams": 1}}
    key = httpx.post(f"{cluster.url}/admin/keys", json=body, headers=bearer(ADMIN_KEY)).json()["key"]
    with httpx.Client(base_url=cluster.url, headers=bearer(key), timeout=30) as client:
        yield client


def waiting_job(cluster: Cluster, client: httpx.Client) -> str:
    """A job that stays in the line: its model's queue is paused meanwhile."""
    httpx.post(f"{cluster.url}/queues/demo/pause", headers=bearer(ADMIN_KEY)).raise_for_status()
    return str(client.post("/jobs", json=chat("Hi")).json()["id"])


@pytest.fixture(autouse=True)
def resumed(cluster: Cluster) -> Iterator[None]:
    yield
    httpx.post(f"{cluster.url}/queues/demo/resume", headers=bearer(ADMIN_KEY))


@pytest.mark.parametrize("stream", [True, False])
def test_who_reads_one_answer_after_the_other_is_never_refused(alice: httpx.Client, stream: bool) -> None:
    body = {**chat("Hi", max_tokens=2), "stream": stream}
    assert [alice.post("/v1/chat/completions", json=body).status_code for _ in range(20)] == [200] * 20


def test_a_stream_whose_client_goes_away_makes_room(cluster: Cluster, alice: httpx.Client) -> None:
    events = f"/jobs/{waiting_job(cluster, alice)}/events"
    with alice.stream("GET", events) as first:
        assert first.status_code == 200
        assert alice.get(events).status_code == 429

    def is_open_again() -> bool:
        with alice.stream("GET", events) as again:
            return again.status_code == 200

    until(is_open_again, what="the front sees that the client has gone")
