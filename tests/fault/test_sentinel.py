"""The primary dies or is replaced: jobs and streams follow to the next one, and nothing is lost or told twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.sentinels import Group, executable
from tests.support.waiting import until

STORY = chat("Tell me a long story about a llama.", temperature=0, max_tokens=400, ignore_eos=True)
MODELS = "models: {demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}}"


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    if executable() is None:
        assert not os.environ.get("CI"), "CI needs a redis-server"
        pytest.skip("no redis-server on the PATH can be a sentinel")
    running = Group(tmp_path_factory.mktemp("group") / "redis")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def cluster(group: Group, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"), models=MODELS, options=["--redis-url", group.url])
    running.start()
    before = set(running.processes())
    yield running
    assert set(running.processes()) == before
    running.stop()


class Load:
    """Jobs under way, with a reader at the stream of each."""

    def __init__(self, cluster: Cluster, pool: ThreadPoolExecutor, *, count: int = 6) -> None:
        self._cluster = cluster
        self._ids = [cluster.submit(STORY)["id"] for _ in range(count)]
        self._watchers: list[Future[list[sse.Received]]] = [
            pool.submit(sse.watch, cluster.url, job_id) for job_id in self._ids
        ]
        until(lambda: all(cluster.job(each)["status"] == "running" for each in self._ids[:4]), what="jobs run")

    def assert_whole(self) -> None:
        """All end right, and no reader missed a piece or had one twice."""
        for job_id, watcher in zip(self._ids, self._watchers, strict=True):
            events = watcher.result(60)
            job = self._cluster.job(job_id, wait=30)
            assert job["status"] == "succeeded", job
            assert len({event.id for event in events}) == len(events)
            (choice,) = job["result"]["choices"]
            assert sse.text(events) == choice["message"]["content"]


def assert_serves(cluster: Cluster) -> None:
    """The cluster is ready again, and the broker's messages come to the worker."""
    until(lambda: cluster.http.get("/readyz").status_code == 200, what="the front is ready")
    after = cluster.submit(chat("Count to 4."), Prefer="wait=30")
    assert after["result"]["choices"][0]["message"]["content"] == "1, 2, 3, 4."


def test_a_dead_primary_is_followed_by_the_next_and_comes_back_as_a_replica(cluster: Cluster, group: Group) -> None:
    with ThreadPoolExecutor() as pool:
        load = Load(cluster, pool)
        dead = group.kill_primary()
        assert_serves(cluster)
        load.assert_whole()
        again = Load(cluster, pool)
        group.start_again(dead)
        again.assert_whole()
    assert_serves(cluster)


def test_a_planned_failover_loses_nothing_and_is_followed_at_once(cluster: Cluster, group: Group) -> None:
    """What is written to the old one after the promotion is lost, so it takes nothing."""
    with ThreadPoolExecutor() as pool:
        load = Load(cluster, pool)
        old = group.fail_over()
        until(lambda: not group.num_clients(old), seconds=6, what="all have left the old primary")
        assert group.role(old) == "master"
        assert_serves(cluster)
        load.assert_whole()
    until(lambda: group.role(old) == "slave", what="the old primary is a replica")
    load.assert_whole()
