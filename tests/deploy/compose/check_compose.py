"""`make test-compose`: images and Compose file on a real engine, and what becomes of jobs when containers die."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose.engine import SERVICES, Compose, docker
from tests.deploy.compose.load import Load, body, order
from tests.support.batches import Batches, jsonl, question, texts
from tests.support.bulk import PROMPT, BulkCommand, reviews
from tests.support.waiting import until

OURS = ("web", "worker-demo", "clerk", "flower")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    found = Compose(tmp_path_factory.mktemp("compose"))
    try:
        found.up()
        yield found
    finally:
        found.down()


@pytest.fixture(scope="module")
def reference(cluster: Compose) -> dict[int, str]:
    """What each job says while nothing happens."""
    return {number: order(cluster.http, number).result for number in range(7)}


def assert_nothing_lost(load: Load, reference: dict[int, str]) -> None:
    outcomes = load.stop()
    assert len({outcome.job_id for outcome in outcomes}) == len(outcomes)
    assert len(outcomes) >= load.clients
    for outcome in outcomes:
        assert outcome.result == reference[outcome.number % 7]
        assert outcome.streamed == outcome.result


def test_a_job_a_stream_and_flower_work_through_the_published_port(cluster: Compose, reference: dict[int, str]) -> None:
    assert "1, 2, 3, 4, 5, 6" in reference[0]
    assert cluster.http.get("/flower/workers?json=1").status_code == 401
    login = ("admin", cluster.flower_password)
    assert "Flower" in cluster.http.get("/flower/", auth=login).text

    def flower_knows_all() -> bool:
        tasks = cluster.http.get("/flower/api/tasks", auth=login, params={"limit": 100}).json()
        return len([task for task in tasks.values() if task["state"] == "SUCCESS"]) >= len(reference)

    until(flower_knows_all, seconds=20, what="Flower lists the jobs as successes")


def test_a_bulk_run_works_through_the_published_port(cluster: Compose, tmp_path: Path) -> None:
    command = BulkCommand(cluster, reviews(tmp_path / "reviews.csv", 50), tmp_path / "out.csv", *PROMPT)
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    with command.output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(number) for number in range(1, 51)]
    assert [row["answer"] for row in rows] == [row["sentiment"] for row in rows]


def test_a_batch_is_run_by_the_clerk_from_the_folder_that_it_shares(cluster: Compose) -> None:
    batches = Batches(cluster.http)
    sums = [question(number, f"What is {number} + 5?") for number in range(20)]
    ended = batches.ended(batches.create(jsonl(sums)))
    assert ended["status"] == "completed", ended
    said = texts(batches.lines(ended["output_file_id"]))
    assert said == {f"row-{number}": f"{number} + 5 = {number + 5}." for number in range(20)}
    for service in ("web", "clerk"):
        owners = cluster.inside(service, "stat -c %u:%g /files /files/*").split()
        assert set(owners) == {"10001:10001"}


def test_only_the_webs_port_is_published_and_on_loopback(cluster: Compose) -> None:
    published = {}
    for service in SERVICES:
        ports = cluster.inspect(service)["NetworkSettings"]["Ports"] or {}
        published[service] = [binding for bindings in ports.values() for binding in bindings or []]
    assert {service for service, bindings in published.items() if bindings} == {"web"}
    assert published["web"] == [{"HostIp": "127.0.0.1", "HostPort": str(cluster.port)}]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_no_root_and_cannot_write_its_root(cluster: Compose, service: str) -> None:
    assert int(cluster.inside(service, "id -u")) > 0
    status = dict(
        line.split(":\t", 1) for line in cluster.inside(service, "cat /proc/1/status").splitlines() if ":\t" in line
    )
    assert set(status["Uid"].split()) == {cluster.inside(service, "id -u").strip()}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for folder in ("/", "/usr/bin", "/opt", "/etc"):
        said = cluster.inside(service, f"touch {folder}/written 2>&1 || true")
        assert "Read-only file system" in said or "Permission denied" in said or "No such file" in said, (folder, said)
    mounts = cluster.inside(service, "cat /proc/1/mounts").splitlines()
    root = next(line.split() for line in mounts if line.split()[1] == "/")
    assert "ro" in root[3].split(",")


@pytest.mark.parametrize("service", OURS)
def test_an_image_of_ours_has_neither_compiler_nor_installer(cluster: Compose, service: str) -> None:
    tools = "gcc cc g++ c++ make cmake ninja"
    assert cluster.inside(service, f"for tool in {tools}; do command -v $tool || true; done").split() == []
    assert cluster.inside(service, "ls /opt/caravan/bin/pip* 2>/dev/null || true").split() == []


def test_no_password_is_in_a_process_list(cluster: Compose) -> None:
    for service in SERVICES:
        listed = docker("top", cluster.container(service), "-eo", "pid,args")
        assert cluster.password not in listed
        assert cluster.key not in listed


def test_a_process_that_dies_is_started_again_by_itself(cluster: Compose) -> None:
    for service in SERVICES:
        before = cluster.inspect(service)["State"]["Pid"]
        os.kill(before, signal.SIGKILL)
        until(lambda s=service, b=before: cluster.inspect(s)["State"]["Pid"] not in (0, b), seconds=60, what=service)  # type: ignore[misc]
        cluster.await_health(service)


@pytest.mark.parametrize("service", SERVICES)
def test_killing_a_container_under_load_loses_nothing(
    cluster: Compose, reference: dict[int, str], service: str
) -> None:
    load = Load(cluster.url)
    load.start()
    time.sleep(3)
    docker("kill", cluster.container(service))
    time.sleep(2)
    cluster.run("start", service)  # an engine does not start again what it was told to kill
    cluster.await_health(service)
    time.sleep(2)
    assert_nothing_lost(load, reference)


def test_a_rolling_restart_loses_nothing(cluster: Compose, reference: dict[int, str]) -> None:
    load = Load(cluster.url)
    load.start()
    for service in ("worker-demo", "clerk", "flower", "web", "redis"):
        cluster.run("up", "--detach", "--no-build", "--no-deps", "--force-recreate", service)
        cluster.await_health(service)
        time.sleep(1)
    assert_nothing_lost(load, reference)


@pytest.mark.parametrize("service", OURS)
def test_sigterm_is_heard(cluster: Compose, service: str) -> None:
    """The process ends by itself, and is not killed when its time is over."""
    container = cluster.container(service)
    docker("stop", "--time", "40", container)
    assert json.loads(docker("inspect", container))[0]["State"]["ExitCode"] == 0
    cluster.run("start", service)
    cluster.await_health(service)


def test_jobs_and_flowers_list_outlive_all_containers(cluster: Compose) -> None:
    job = cluster.http.post("/jobs", json=body(0), headers={"Prefer": "wait=30"}).json()
    login = ("admin", cluster.flower_password)

    def listed() -> bool:
        return cluster.http.get(f"/flower/api/task/info/{job['id']}", auth=login).status_code == 200

    until(listed, seconds=20, what="Flower knows the job")
    time.sleep(11)  # Flower writes its list every ten seconds
    cluster.run("down", "--timeout", "30")
    cluster.up()
    assert cluster.http.get(f"/jobs/{job['id']}").json()["status"] == "succeeded"
    until(listed, seconds=20, what="Flower knows the job still")


def test_logs_are_json_with_the_jobs_id_and_no_secret(cluster: Compose) -> None:
    job = cluster.http.post(
        "/jobs", json=body(1), headers={"Prefer": "wait=30", "X-Request-Id": "from-the-test"}
    ).json()
    for service in ("web", "worker-demo"):
        lines = [line for line in cluster.logs(service).splitlines() if line.strip()]
        assert all(isinstance(json.loads(line), dict) for line in lines)
        assert any(json.loads(line).get("job_id") == job["id"] for line in lines)
    for service in SERVICES:
        assert cluster.password not in cluster.logs(service)
        assert cluster.key not in cluster.logs(service)
