"""Flower against the ledger, with every end that a job may have, and workers that die meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 2, context: 512, kv_tokens: 1024}
  fake: {path: fake, slots: 2, context: 512, kv_tokens: 1024}
"""
STATES = {"succeeded": "SUCCESS", "failed": "FAILURE", "cancelled": "REVOKED", "expired": "REVOKED"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A small cluster of its own: its counters begin at nothing."""
    env = {"FLOWER_UNAUTHENTICATED_API": "true", "CARAVAN_THREADS": "1", "CARAVAN_LEASE_SECONDS": "3"}
    running = Cluster(tmp_path_factory.mktemp("watched"), models=MODELS, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def story(**options: Any) -> dict[str, Any]:
    return chat("Tell me a long story about a fox.", ignore_eos=True, **{"max_tokens": 400, **options})


def cancel(cluster: Cluster, job_id: str) -> None:
    cluster.http.post(f"/jobs/{job_id}/cancel").raise_for_status()


def running(cluster: Cluster, job_id: str) -> bool:
    return bool(cluster.job(job_id)["status"] == "running")


def jobs_of_every_end(cluster: Cluster) -> dict[str, str]:
    """Ids by what was done to them, of jobs that have all ended."""
    ids = {"survives a worker": cluster.submit(story())["id"], "cancelled running": cluster.submit(story())["id"]}
    until(lambda: all(running(cluster, job_id) for job_id in ids.values()), what="both run")
    cluster.kill("demo-1")
    # No worker lives: these wait in the line.
    ids["cancelled in the line"] = cluster.submit(story())["id"]
    ids["expired in the line"] = cluster.submit(story(timeout=0.05))["id"]
    cancel(cluster, ids["cancelled in the line"])
    until(lambda: running(cluster, ids["cancelled running"]), seconds=60, what="the worker is back")
    cancel(cluster, ids["cancelled running"])
    ids["fails"] = cluster.submit(chat("What is 1 + 1? " * 300))["id"]
    ids["expired running"] = cluster.submit(story(timeout=0.5, priority="high"))["id"]
    ids |= {f"succeeds {number}": cluster.submit(chat(f"What is {number} + 4?"))["id"] for number in range(5)}
    for job_id in ids.values():
        until(lambda job_id=job_id: cluster.job(job_id)["status"] in STATES, seconds=60)  # type: ignore[misc]
    return ids


def test_states_and_counts_are_the_ledgers(watched: Cluster) -> None:
    ids = jobs_of_every_end(watched)
    ended = {name: watched.job(job_id) for name, job_id in ids.items()}
    assert {name: job["status"] for name, job in ended.items()} == {
        "survives a worker": "succeeded", "cancelled running": "cancelled", "cancelled in the line": "cancelled",
        "expired in the line": "expired", "fails": "failed", "expired running": "expired",
        **{f"succeeds {number}": "succeeded" for number in range(5)},
    }  # fmt: skip
    assert ended["survives a worker"]["attempt"] >= 2
    expected = {job_id: STATES[ended[name]["status"]] for name, job_id in ids.items()}
    until(lambda: states(watched, ids.values()) == expected, seconds=20, what="Flower knows every end")

    # All that there ever was in this cluster; the first answer's job is one of them.
    ledger = Counter[str]()
    for (status, priority), count in totals(watched).items():
        assert priority in ("high", "normal", "low")
        if status != "accepted":
            ledger[STATES[status]] += count
    assert counts(watched) == ledger
    assert sum(ledger.values()) == len(ids) + 1


def test_a_job_that_is_run_again_is_one_task_with_its_last_state(watched: Cluster) -> None:
    job = watched.submit(story())
    until(lambda: running(watched, job["id"]))
    cancel(watched, job["id"])
    until(lambda: states(watched, [job["id"]]) == {job["id"]: "REVOKED"}, what="Flower knows its first end")
    before = totals(watched)
    watched.http.post(f"/jobs/{job['id']}/retry").raise_for_status()
    cancel(watched, job["id"])
    until(lambda: watched.job(job["id"])["status"] == "cancelled")
    after = totals(watched)
    assert after["accepted", "normal"] == before["accepted", "normal"] + 1
    assert after["cancelled", "normal"] == before["cancelled", "normal"] + 1
    until(lambda: states(watched, [job["id"]]) == {job["id"]: "REVOKED"})


def test_a_job_that_is_deleted_while_it_runs_was_revoked(watched: Cluster) -> None:
    body = {"model": "fake", "input": "Once", "background": True, "max_output_tokens": 400, "temperature": 0}
    response = watched.http.post("/v1/responses", json=body).json()
    job_id = response["id"].removeprefix("resp_")
    until(lambda: states(watched, [job_id]) == {job_id: "STARTED"}, what="it runs")
    watched.http.delete(f"/v1/responses/{response['id']}").raise_for_status()
    until(lambda: states(watched, [job_id]) == {job_id: "REVOKED"}, what="Flower knows that it is gone")


def states(cluster: Cluster, ids: Any) -> dict[str, str]:
    tasks = tasks_of(cluster)
    return {job_id: tasks[job_id]["state"] for job_id in ids if job_id in tasks}


def counts(cluster: Cluster) -> Counter[str]:
    return Counter(task["state"] for task in tasks_of(cluster).values())


def tasks_of(cluster: Cluster) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = httpx.get(
        f"{cluster.flower_url}/api/tasks", params={"limit": 10_000}, timeout=30
    ).json()
    return found


def totals(cluster: Cluster) -> Counter[tuple[str, str]]:
    """The ledger's own count, by status and priority."""
    found: Counter[tuple[str, str]] = Counter()
    for name, value in cluster.figures().items():
        if name.startswith("caravan_jobs_total{"):
            labels = dict(part.split("=") for part in name[len("caravan_jobs_total{") : -1].split(","))
            found[labels["status"].strip('"'), labels["priority"].strip('"')] += int(value)
    return found
