"""Flower tells the truth: for every job its final state is the ledger's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

STATES = {"succeeded": "SUCCESS", "failed": "FAILURE", "cancelled": "REVOKED", "expired": "REVOKED"}


def _body(number: int) -> dict[str, Any]:
    if number % 10 == 3:
        return chat("What is 1 + 1? " * 300)  # too long: fails
    if number % 10 == 5:
        return chat("Tell me a long story about a fox.", ignore_eos=True, max_tokens=900)  # cancelled while it runs
    if number % 10 == 6:
        return chat("Tell me a story about a fox.", timeout=0.01)  # expires, most of them while they wait
    return chat(f"What is {number % 20} + 4?")


def test_flower_agrees_with_the_ledger_on_two_hundred_jobs(cluster: Cluster) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: cluster.submit(_body(number))["id"], range(200)))
        to_cancel = [job_id for number, job_id in enumerate(ids) if number % 10 in (5, 7)]
        list(pool.map(lambda job_id: cluster.http.post(f"/jobs/{job_id}/cancel"), to_cancel))
    jobs = {job_id: cluster.job(job_id, wait=60) for job_id in ids}
    assert {job["status"] for job in jobs.values()} == set(STATES)
    expected = {job_id: STATES[job["status"]] for job_id, job in jobs.items()}
    until(lambda: _flower(cluster, ids) == expected, seconds=15, what="Flower agrees with the ledger")


def test_a_job_that_is_revoked_in_flower_is_cancelled(cluster: Cluster) -> None:
    job = cluster.submit(chat("Tell me a long story about an owl.", ignore_eos=True, max_tokens=1000, n=8))
    until(lambda: cluster.job(job["id"])["status"] == "running")
    httpx.post(f"{cluster.flower_url}/api/task/revoke/{job['id']}", params={"terminate": "true"}).raise_for_status()
    assert cluster.job(job["id"], wait=10)["status"] == "cancelled"
    until(lambda: _flower(cluster, [job["id"]]) == {job["id"]: "REVOKED"})


def _flower(cluster: Cluster, ids: list[str]) -> dict[str, str]:
    tasks = httpx.get(f"{cluster.flower_url}/api/tasks", params={"limit": 10_000}, timeout=30).json()
    return {job_id: tasks[job_id]["state"] for job_id in ids if job_id in tasks}
