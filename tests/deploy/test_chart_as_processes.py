"""Every rendered container runs here with its command, variables, files and probes: nothing in the chart is a guess."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tasks.models.catalogue import DEMO, gguf_path
from tests.deploy.chart import HOUSE, Object, render
from tests.deploy.processes import ENTRYPOINT, Cluster
from tests.support.batches import Batches, jsonl, question, texts
from tests.support.hub_server import hub_server
from tests.support.redis_server import free_port
from tests.support.waiting import until

REDIS = "caravan-redis"
JOB = "caravan-test-job"
SERVING = ("caravan-web", "caravan-clerk", "caravan-flower", "caravan-worker-demo", "caravan-worker-fetched")

pytestmark = [pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def values() -> Object:
    return {
        "web": {"port": free_port(), "processes": 1, "drainSeconds": 2},
        "flower": {"port": free_port(), "pathPrefix": "watch/flower"},
        "redis": {"port": free_port()},
        "workers": {"drainSeconds": 2},
        "models": [
            {"name": "demo", "path": "demo", "slots": 4, "context": 512, "threads": 1},
            {"name": "fetched", "path": "hf://owner/repo/m.gguf", "slots": 2, "context": 256, "threads": 1},
        ],
        "files": {"enabled": True},
        "settings": {"CARAVAN_RESULT_TTL": "3600"},
    }  # fmt: skip


@pytest.fixture(scope="module")
def cluster(values: Object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The whole release, started as a kubelet would, once every startup probe has succeeded."""
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        pytest.skip("the chart's Redis runs redis-server and redis-cli from the PATH: apt-get install redis-server")
    folder = tmp_path_factory.mktemp("chart")
    objects = render(values, folder=folder)
    with hub_server({"owner/repo/m.gguf": gguf_path(DEMO).read_bytes()}) as hub:
        found = Cluster(objects, folder, extra_env={"HF_ENDPOINT": hub.url})
        try:
            start(found, REDIS)
            for name in SERVING:
                start(found, name)
            yield found
        finally:
            found.close()


def start(cluster: Cluster, name: str) -> None:
    if init := cluster.init_containers.get(name):
        done = init.run(seconds=60)
        assert done.returncode == 0, done.stdout + done.stderr
    container = cluster.containers[name]
    assert not container.probe("startupProbe"), f"{name}'s probe succeeds before it runs"
    container.start()
    container.await_startup()


def test_the_images_entrypoint_is_the_one_that_runs_here() -> None:
    text = (HOUSE / "deploy" / "Dockerfile").read_text()
    assert re.findall(r"^ENTRYPOINT (.*)$", text, flags=re.MULTILINE) == [f'["{ENTRYPOINT}"]']


def test_every_container_is_run(cluster: Cluster) -> None:
    assert set(cluster.containers) == {REDIS, JOB, *SERVING}


@pytest.mark.parametrize("name", [REDIS, *SERVING])
def test_every_probe_succeeds(cluster: Cluster, name: str) -> None:
    probes = [probe for probe in ("livenessProbe", "readinessProbe") if probe in cluster.containers[name].spec]
    assert probes
    for probe in probes:
        until(lambda probe=probe: cluster.containers[name].probe(probe), seconds=15, what=f"{name}'s {probe}")  # type: ignore[misc]


def test_the_job_of_helm_test_passes(cluster: Cluster) -> None:
    done = cluster.containers[JOB].run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "The capital of France is Paris."


def test_the_downloaded_model_answers(cluster: Cluster) -> None:
    command = ["caravan", "submit", "--model", "fetched", "What is 12 + 7?"]
    done = cluster.containers[JOB].run(command)
    assert done.returncode == 0, done.stderr
    assert "19" in done.stdout


def test_the_clerk_runs_what_the_web_was_sent(cluster: Cluster, values: Object) -> None:
    """A file that is uploaded to one pod is read by another, and what that one writes is downloaded from the first."""
    key = cluster.containers[JOB].env["CARAVAN_API_KEY"]
    url = f"http://127.0.0.1:{values['web']['port']}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        batches = Batches(http)
        sums = [question(number, f"What is {number} + 5?") for number in range(2)]
        ended = batches.ended(batches.create(jsonl(sums)))
        assert ended["status"] == "completed", ended
        said = texts(batches.lines(ended["output_file_id"]))
    assert said == {"row-0": "0 + 5 = 5.", "row-1": "1 + 5 = 6."}
    assert len(list((cluster.folder / "claims" / "caravan-files").iterdir())) >= 2


def test_the_web_asks_for_the_key_that_the_secret_has(cluster: Cluster, values: Object) -> None:
    url = f"http://127.0.0.1:{values['web']['port']}/metrics"
    assert httpx.get(url).status_code == 401
    key = cluster.secret("caravan-metrics", "metrics-key")
    page = httpx.get(url, headers={"Authorization": f"Bearer {key}"})
    assert 'caravan_worker_slots{model="fetched",worker="caravan-worker-fetched"} 2.0' in page.text


def test_flower_asks_for_its_login_under_its_prefix(cluster: Cluster, values: Object) -> None:
    url = f"http://127.0.0.1:{values['flower']['port']}/watch/flower/workers?json=1"
    assert httpx.get(url).status_code == 401
    key = cluster.containers[JOB].env["CARAVAN_API_KEY"]
    assert httpx.get(url, auth=("admin", key)).status_code == 401
    assert httpx.get(url, auth=("admin", cluster.secret("caravan-flower", "flower-password"))).status_code == 200


def test_redis_asks_for_its_password_and_appends(cluster: Cluster) -> None:
    redis = cluster.containers[REDIS]
    port = redis.spec["ports"][0]["containerPort"]
    told = redis.run(["redis-cli", "-p", str(port), "config", "get", "appendonly"]).stdout.split()
    assert told == ["appendonly", "yes"]
    assert redis.run(["redis-cli", "-p", str(port), "config", "get", "maxmemory"]).stdout.split()[1] == str(512 << 20)
    password = redis.env.pop("REDISCLI_AUTH")
    try:
        assert "NOAUTH" in redis.run(["redis-cli", "-p", str(port), "ping"]).stdout
        assert not redis.probe("livenessProbe")
    finally:
        redis.env["REDISCLI_AUTH"] = password
    assert password not in Path("/proc").joinpath(str(redis._process.pid), "cmdline").read_text()  # type: ignore[union-attr]


def test_a_worker_that_is_told_to_stop_ends_within_its_grace(cluster: Cluster) -> None:
    worker = cluster.containers["caravan-worker-fetched"]
    assert worker.stop() == 0, worker.output()


def test_the_web_ends_within_its_grace(cluster: Cluster) -> None:
    web = cluster.containers["caravan-web"]
    assert web.stop() == 0, web.output()
