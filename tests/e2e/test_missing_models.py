"""A model leaves the catalogue while jobs wait for it: the next start tells of them, and they can be helped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.test_command import run
from tests.support.cluster import Cluster, chat

WITH = "models: {demo: {path: demo, context: 128}, gone: {path: fake}}"
WITHOUT = "models: {demo: {path: demo, context: 128}}"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, list[str]]]:
    """A cluster without a model that three jobs wait for."""
    folder = tmp_path_factory.mktemp("missing")
    before = Cluster(folder, models=WITH)
    before.start()
    before.http.post("/queues/gone/pause").raise_for_status()
    ids = [before.submit({**chat("What is 12 + 7?"), "model": "gone", "temperature": 0})["id"] for _ in range(3)]
    assert before.job(ids[0])["waits_for"]["reason"] == "queue_paused"
    before.stop()
    after = Cluster(folder, models=WITHOUT)
    after.start()
    yield after, ids
    after.stop()


def caravan(cluster: Cluster, *arguments: str) -> str:
    return run(cluster, *arguments).stdout


def test_jobs_of_a_missing_model_are_told_of_moved_and_cancelled(jobs: tuple[Cluster, list[str]]) -> None:
    cluster, ids = jobs
    assert "3 jobs waiting for gone, which the catalogue does not have." in cluster.told()
    assert "MISSING" in caravan(cluster, "queues", "list")
    assert "gone: 3 jobs wait for it, and the catalogue does not have it." in caravan(cluster, "status")
    waits = cluster.job(ids[0])["waits_for"]
    assert (waits["reason"], "'gone'" in waits["message"]) == ("model_missing", True)
    assert cluster.http.post("/queues/none/cancel").json()["error"]["code"] == "model_not_found"
    refused = cluster.http.post("/queues/gone/move", json={"to": "none"})
    assert refused.json()["error"]["code"] == "model_not_found"

    assert cluster.http.post(f"/jobs/{ids[0]}/cancel").json()["status"] == "cancelled"
    assert caravan(cluster, "queues", "move", "gone", "demo") == "2 jobs of gone moved to demo\n"
    for job_id in ids[1:]:
        job = cluster.job(job_id, wait=30)
        assert (job["model"], job["status"]) == ("demo", "succeeded")
        assert job["result"]["choices"][0]["message"]["content"] == "12 + 7 = 19."
    assert "MISSING" not in caravan(cluster, "queues", "list")

    cluster.http.post("/queues/demo/pause").raise_for_status()
    waiting = [cluster.submit(chat("Hello"))["id"] for _ in range(3)]
    assert caravan(cluster, "queues", "cancel", "demo") == "3 jobs of demo cancelled\n"
    assert {cluster.job(job_id)["status"] for job_id in waiting} == {"cancelled"}
