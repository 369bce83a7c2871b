"""Workers as KEDA asks for them, on three nodes: real processes on real jobs, from none to many to none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.records.job import Job, JobStatus
from tests.cluster.control_plane import ControlPlane
from tests.cluster.faults_page import documented
from tests.cluster.keda import Keda
from tests.cluster.kubelet import Kubelet, kubelets
from tests.cluster.live_workers import Load, values, with_redis
from tests.cluster.release import Release
from tests.cluster.tools import Tools
from tests.deploy.chart import Object
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

NAME = "caravan-worker-fake"
MOST, SLOTS = 8, 8
POOLS = {"a": 3, "b": 3, "c": 2}
"""Cards of the node of each pool: as many as there may be workers."""
JOBS, TOKENS = 240, 500
"""So much that all eight workers are asked for before it is done, also where they start in a second."""
COOLDOWN_SECONDS = 10

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def keda(plane: ControlPlane, tools: Tools) -> Iterator[Keda]:
    if missing := tools.missing("keda"):
        pytest.skip(f"not built: {', '.join(missing)}: python -m tests.cluster.tools needs a Go")
    found = Keda(plane)
    found.start()
    yield found
    found.remove()


@pytest.fixture
def nodes(plane: ControlPlane, tmp_path: Path) -> Iterator[dict[str, Kubelet]]:
    with kubelets(plane.api, tmp_path / "pods", POOLS) as found:
        yield found


@pytest.fixture
def load(redis: RedisServer) -> Iterator[Load]:
    found = Load(redis.url)
    yield found
    found.close()


def scaling(redis: RedisServer, *, most: int, leave_seconds: int | None = None) -> Object:
    """Values of a model that sleeps, and is looked at often."""
    model: Object = {
        "name": "fake", "path": "fake", "slots": SLOTS, "context": 2048, "kvTokens": SLOTS * 2048, "keepAlive": "1s",
        "workers": {"min": 0, "max": most},
    }  # fmt: skip
    quick = {"enabled": True, "pollingSeconds": 1, "cooldownSeconds": COOLDOWN_SECONDS}
    return values(redis, model, leave_seconds=leave_seconds, keda=quick)


@pytest.fixture
def scaled(release: Release, keda: Keda, nodes: dict[str, Kubelet], redis: RedisServer) -> Release:
    """The chart with workers on the three nodes, a card each, and none at first."""
    with_redis(release.api, release.namespace, redis)
    release.install(values=scaling(redis, most=MOST))
    until(lambda: workers(release) == 0, seconds=240, what="no worker at first")
    return release


def workers(release: Release) -> int:
    """As many as the Deployment is asked for."""
    return release.replicas(NAME)


def test_from_no_worker_to_eight_on_three_nodes_and_back(
    scaled: Release, load: Load, nodes: dict[str, Kubelet]
) -> None:
    jobs = load.submit(JOBS, tokens=TOKENS)
    until(lambda: workers(scaled) == MOST, seconds=240, what="eight workers are asked for")
    ended = load.ended(jobs, seconds=300)
    assert {job.status for job in ended} == {JobStatus.SUCCEEDED}
    ran = {name: [job for job in ended if job.worker in node.running] for name, node in nodes.items()}
    assert all(ran.values()), "workers on every node had jobs"
    until(lambda: workers(scaled) == 0, seconds=240, what="no worker is asked for")
    until(lambda: scaled.pods("worker-fake") == [], seconds=240, what="no worker is left")


def test_a_node_that_goes_away_while_workers_are_added_takes_no_job_with_it(
    release: Release, keda: Keda, plane: ControlPlane, redis: RedisServer, load: Load, tmp_path: Path
) -> None:
    with_redis(release.api, release.namespace, redis)
    with kubelets(plane.api, tmp_path / "pods", {"a": 2, "b": 2, "c": 2}) as nodes:
        release.install(values=scaling(redis, most=4, leave_seconds=5))
        jobs = load.submit(40, tokens=400)
        gone = until(lambda: of_a_running_job(load, jobs, nodes), seconds=240, what="a worker has jobs")
        nodes[gone].vanish()
        assert {job.status for job in load.ended(jobs, seconds=300)} == {JobStatus.SUCCEEDED}
        until(lambda: workers(release) == 0, seconds=240, what="no worker is asked for")


def of_a_running_job(load: Load, jobs: list[Job], nodes: dict[str, Kubelet]) -> str | None:
    """The node of some worker that has said something of a job."""
    at_work = {job.worker for job in map(load.job, jobs) if job.status is JobStatus.RUNNING and load.num_tokens(job)}
    return next((name for name, node in nodes.items() if at_work & set(node.running)), None)


def test_a_load_that_comes_and_goes_makes_no_worker_come_and_go(scaled: Release, load: Load) -> None:
    """Six rises and falls, shorter than the cooldown: workers are added, and none goes before the load is over."""
    seen, jobs = [0], []
    for _ in range(6):
        jobs += load.submit(20, tokens=50)
        pause = time.monotonic() + COOLDOWN_SECONDS / 2
        while time.monotonic() < pause:
            seen.append(workers(scaled))
            time.sleep(0.2)
    assert seen == sorted(seen), "no worker goes meanwhile"
    assert {job.status for job in load.ended(jobs, seconds=300)} == {JobStatus.SUCCEEDED}
    until(lambda: workers(scaled) == 0, seconds=240, what="no worker is asked for")


def test_while_kedas_operator_is_away_the_workers_stay_and_no_model_wakes(
    scaled: Release, load: Load, keda: Keda, page: str
) -> None:
    with keda.without_operator():
        sleeps = load.submit(1, tokens=8)
        time.sleep(8)
        assert (workers(scaled), load.job(sleeps[0]).status) == (0, JobStatus.QUEUED)
    assert load.ended(sleeps, seconds=300)[0].status is JobStatus.SUCCEEDED

    long = load.submit(10, tokens=TOKENS)
    until(lambda: workers(scaled) == 2, seconds=240, what="two workers are asked for")
    with keda.without_operator():
        jobs = load.submit(30, tokens=100)
        assert {job.status for job in load.ended([*long, *jobs], seconds=300)} == {JobStatus.SUCCEEDED}
        until(lambda: "FailedGetExternalMetric" in described(scaled, "hpa"), seconds=240, what="it is told")
        documented(page, described(scaled, "hpa"), "unable to fetch metrics from external metrics API")
        assert workers(scaled) == 2
    until(lambda: workers(scaled) == 0, seconds=240, what="no worker is asked for")


def test_while_redis_is_away_the_number_of_workers_stays(
    scaled: Release, load: Load, redis: RedisServer, page: str
) -> None:
    jobs = load.submit(10, tokens=TOKENS)
    until(lambda: workers(scaled) == 2, seconds=240, what="two workers are asked for")
    redis.stop()
    until(lambda: "KEDAScalerFailed" in described(scaled, "scaledobject"), seconds=240, what="KEDA tells it")
    away = time.monotonic()
    while time.monotonic() < away + 20:
        assert workers(scaled) == 2
        time.sleep(0.5)
    documented(page, described(scaled, "scaledobject"), "connection to redis failed")
    documented(page, described(scaled, "scaledobject"), "Triggers defined in ScaledObject are not working correctly")
    redis.start()
    assert {job.status for job in load.ended(jobs, seconds=300)} == {JobStatus.SUCCEEDED}
    until(lambda: workers(scaled) == 0, seconds=240, what="no worker is asked for")


def described(release: Release, kind: str) -> str:
    return release.api.kubectl("--namespace", release.namespace, "describe", kind, NAME)
