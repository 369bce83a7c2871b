"""Real workers while a node, or the API server, is away: no job is lost, and Kubernetes makes new workers elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.records.job import JobStatus
from tests.cluster.api import Api, ready
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import kubelets
from tests.cluster.live_workers import Load, values, with_redis
from tests.cluster.release import Release
from tests.deploy.chart import Object
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

SLOTS = 8
MODEL: Object = {
    "name": "fake", "path": "fake", "slots": SLOTS, "context": 512, "kvTokens": SLOTS * 512,
    "workers": {"min": 3, "max": 3},
}  # fmt: skip

pytestmark = pytest.mark.timeout(300)


def test_a_node_that_goes_away_takes_no_job_with_it(
    release: Release, api: Api, redis: RedisServer, tmp_path: Path
) -> None:
    load = Load(redis.url)
    with_redis(api, release.namespace, redis)
    with kubelets(api, tmp_path / "pods", {"a": 2, "b": 2, "c": 2}) as nodes:
        release.install(values=values(redis, MODEL, leave_seconds=10))
        gone = next(pool for pool, node in nodes.items() if node.running)
        jobs = load.submit(120, tokens=200)
        there = set(nodes[gone].running)
        until(lambda: any(job.worker in there for job in map(load.job, jobs)), what="its workers have jobs")
        nodes[gone].vanish()
        ended = load.ended(jobs, seconds=120)
        assert {job.status for job in ended} == {JobStatus.SUCCEEDED}
        until(lambda: not ready(api.list("nodes")[f"live-{gone}"]), seconds=60, what="the node is not ready")
        assert "NotReady" in api.kubectl("get", "nodes", f"live-{gone}")
        until(lambda: elsewhere(release, gone) == 3, seconds=90, what="three workers are on the other nodes")
    load.close()


def test_while_the_api_server_is_away_workers_work_on(
    release: Release, plane: ControlPlane, redis: RedisServer, tmp_path: Path
) -> None:
    load = Load(redis.url)
    with_redis(plane.api, release.namespace, redis)
    with kubelets(plane.api, tmp_path / "pods", {"a": 2, "b": 2}):
        release.install(values=values(redis, {**MODEL, "workers": {"min": 2, "max": 2}}))
        workers = {pod["metadata"]["uid"] for pod in release.pods("worker-fake")}
        plane.stop_api_server()
        try:
            ended = load.ended(load.submit(100, tokens=100), seconds=120)
        finally:
            plane.start_api_server()
        assert {job.status for job in ended} == {JobStatus.SUCCEEDED}
        assert {pod["metadata"]["uid"] for pod in release.pods("worker-fake")} == workers
        until(lambda: all(map(ready, release.pods("worker-fake"))), seconds=90, what="they are ready")
    load.close()


def elsewhere(release: Release, gone: str) -> int:
    """Workers that are ready on nodes that are there."""
    pods = release.pods("worker-fake")
    return len([pod for pod in pods if ready(pod) and pod["spec"]["nodeName"] != f"live-{gone}"])
