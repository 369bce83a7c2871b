"""From one release of chart and code to the next, and back, while jobs run: real workers, by the pods' image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import kubelets
from tests.cluster.live_workers import values, with_redis
from tests.cluster.release import Release
from tests.deploy.chart import CHART, Object
from tests.fault.test_two_releases import Release as Processes
from tests.fault.test_two_releases import copy, newer
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODEL = {"name": "demo", "path": "demo", "slots": 4, "context": 512, "kvTokens": 2048, "workers": {"min": 2, "max": 2}}
LONG = ("--timeout", "240s")
MODELS = "models: {demo: {path: demo, slots: 4, context: 512, kv_tokens: 2048}}"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def trees(tmp_path: Path) -> dict[str, Path]:
    """The code of each image."""
    return {"caravan-worker:old": copy(tmp_path / "old"), "caravan-worker:new": newer(tmp_path / "new")}


@pytest.fixture
def fronts(redis: RedisServer, trees: dict[str, Path], tmp_path: Path) -> Iterator[tuple[Processes, Processes]]:
    """A web front and a clerk of each release, beside the cluster, whose web pods are pretended."""
    models = tmp_path / "models.yaml"
    models.write_text(MODELS)
    found = [Processes(tree, tmp_path / f"of-{tree.name}", redis, models) for tree in trees.values()]
    for each in found:
        each.start("web", "clerk")
    old, new = found
    yield old, new
    for each in found:
        each.stop()
        each.http.close()


def newer_chart(folder: Path) -> Path:
    """The next release of the chart: another version, and a new annotation of every pod."""
    shutil.copytree(CHART, folder)
    file = folder / "Chart.yaml"
    file.write_text(file.read_text().replace("0.1.0", "0.2.0"))
    helpers = folder / "templates/_helpers.tpl"
    annotation = "checksum/models:"
    assert helpers.read_text().count(annotation) == 1
    helpers.write_text(helpers.read_text().replace(annotation, f"caravan.test/of: next\n{annotation}"))
    return folder


def of_release(redis: RedisServer, tag: str) -> Object:
    return values(redis, MODEL, images={"worker": {"repository": "caravan-worker", "tag": tag}})


def test_an_upgrade_and_a_rollback_under_load_lose_no_job(
    release: Release, plane: ControlPlane, redis: RedisServer, trees: dict[str, Path],
    fronts: tuple[Processes, Processes], tmp_path: Path,
) -> None:  # fmt: skip
    old, new = fronts
    with_redis(release.api, release.namespace, redis)
    with kubelets(plane.api, tmp_path / "pods", {"a": 2, "b": 2}, trees=trees):
        release.install(values=of_release(redis, "old"))
        jobs = old.submit(start=1, count=12)
        release.upgrade(values=of_release(redis, "new"), chart=newer_chart(tmp_path / "chart"), options=LONG)
        until(lambda: images(release) == {"caravan-worker:new"}, seconds=60, what="newer workers alone are there")
        jobs += old.submit(start=50) + new.submit(start=70)
        assert {new.ended(job)["status"] for job in jobs} == {"succeeded"}

        under_way = old.submit(start=1, count=12)
        beyond = new.submit(start=100)
        release.rollback()
        until(lambda: images(release) == {"caravan-worker:old"}, seconds=60, what="older workers alone are there")
        assert {old.ended(job)["status"] for job in under_way} == {"succeeded"}
        waiting = {new.http.get(f"/jobs/{job}").json()["status"] for job in beyond} - {"succeeded"}
        assert waiting <= {"queued"}
        release.upgrade(values=of_release(redis, "new"), chart=tmp_path / "chart", options=LONG)
        assert {new.ended(job)["status"] for job in beyond} == {"succeeded"}
    until(lambda: [each["status"] for each in release.history()][-1] == "deployed", what="the last one is deployed")


def images(release: Release) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in release.pods("worker-demo")}
