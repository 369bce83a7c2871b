"""A bulk run whose command, worker, web front and Redis are killed gives what an undisturbed one gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bulk import PROMPT, BulkCommand, reviews
from tests.support.cluster import Cluster
from tests.support.harry import VICTIMS, disturbed, spread
from tests.support.waiting import until

ROWS = 2000
MODELS = """
models:
  demo: {path: demo, slots: 16, context: 1024, kv_tokens: 8192}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    env = {"CARAVAN_THREADS": "1", "CARAVAN_LEASE_SECONDS": "4"}
    running = Cluster(tmp_path_factory.mktemp("bulk"), models=MODELS, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.mark.timeout(400)
def test_killed_all_around_a_run_gives_what_an_undisturbed_one_gives(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "reviews.csv", ROWS)
    calm = BulkCommand(cluster, source, tmp_path / "calm.parquet", *PROMPT, "--no-dedup")
    assert disturbed(calm, cluster, []) == []
    harried = BulkCommand(cluster, source, tmp_path / "harried.parquet", *PROMPT, "--no-dedup")
    early = ROWS * 2 // 5  # a row that was waited for may let a thousand be written down at once
    assert disturbed(harried, cluster, spread(early, [*VICTIMS, "command"])) == []
    assert harried.output.read_bytes() == calm.output.read_bytes()
    assert not harried.progress.exists()
    # What was collected and not deleted when the command was killed: no more than it had under way.
    until(lambda: cluster.http.get("/readyz").status_code == 200, what="the cluster is well")
    left = cluster.http.get("/jobs", params={"limit": 100}).json()["data"]
    assert all(job["status"] == "succeeded" for job in left if job["priority"] == "low")
