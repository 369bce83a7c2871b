"""Urgent jobs among many that are not, and many clients with one job, on a whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.cluster import Cluster, chat

SLOTS = 4
MODELS = f"models: {{demo: {{path: demo, slots: {SLOTS}, context: 512, kv_tokens: 2048}}}}"
BACKLOG = 500


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    env = {"CARAVAN_THREADS": "1", "CARAVAN_AGEING_SECONDS": "2"}
    running = Cluster(tmp_path_factory.mktemp("line"), models=MODELS, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def submit_all(cluster: Cluster, bodies: list[dict[str, Any]]) -> list[str]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda body: str(cluster.submit(body)["id"]), bodies))


def cancel_all(cluster: Cluster, jobs: list[str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda job: cluster.http.post(f"/jobs/{job}/cancel"), jobs))


def text_of(job: dict[str, Any]) -> str:
    return str(job["result"]["choices"][0]["message"]["content"])


def counting(number: int) -> str:
    """A long text."""
    return ", ".join(map(str, range(number, number + 100))) + "."


def gave_way(job: dict[str, Any]) -> bool:
    return job["attempt"] == 2 or (job["attempt"], job["status"]) == (1, "queued")


def who_gave_way_to_one(cluster: Cluster, jobs: list[str], priority: str) -> list[str]:
    """Those of the jobs that gave way to an urgent one: asked again while it finds a slot that just became free."""
    for _ in range(10):
        urgent = cluster.job(cluster.submit(chat("What is 12 + 7?", priority=priority))["id"], wait=60)
        assert text_of(urgent) == "12 + 7 = 19."
        seen = {job: cluster.job(job) for job in jobs}
        assert sum(job["status"] == "queued" for job in seen.values()) > BACKLOG // 2
        if victims := [job for job in jobs if gave_way(seen[job])]:
            return victims
    return []


@pytest.mark.parametrize("priority", ["high", "normal"])
def test_an_urgent_job_goes_before_hundreds_and_who_gave_way_ends_with_the_right_text(
    cluster: Cluster, priority: str
) -> None:
    texts = [counting(number) for number in range(BACKLOG)]
    jobs = submit_all(cluster, [chat("Count.", grammar=f'root ::= "{text}"', priority="low") for text in texts])
    (victim,) = who_gave_way_to_one(cluster, jobs, priority)
    cancel_all(cluster, [job for job in jobs if job != victim])
    ended = cluster.job(victim, wait=60)
    assert ended["attempt"] == 2
    assert text_of(ended) == texts[jobs.index(victim)]


def test_low_jobs_advance_under_a_constant_stream_of_high_ones(cluster: Cluster) -> None:
    """The stream is twice as many as there are slots, so that a high one always waits."""
    job = cluster.submit(chat("Tell me a story.", max_tokens=300, ignore_eos=True, priority="low"))["id"]
    with ThreadPoolExecutor(2 * SLOTS) as pool:
        ended: list[str] = []

        def press(number: int) -> int:
            count = 0
            while not ended:
                body = chat("Tell me a story.", max_tokens=40, ignore_eos=True, priority="high")
                assert cluster.job(cluster.submit(body)["id"], wait=60)["status"] == "succeeded"
                count += 1
            return count

        pressing = [pool.submit(press, number) for number in range(2 * SLOTS)]
        done = cluster.job(job, wait=60)
        ended.append(done["status"])
        assert sum(future.result() for future in pressing) > 2 * SLOTS
    assert done["status"] == "succeeded"


@pytest.mark.parametrize("path", ["/jobs", "/v1/chat/completions"])
def test_a_hundred_clients_with_one_key_have_one_job(cluster: Cluster, path: str) -> None:
    body, headers = chat("What is 12 + 7?"), {"Idempotency-Key": f"a hundred {path}", "Prefer": "wait=30"}

    def ask(number: int) -> httpx.Response:
        with httpx.Client(base_url=cluster.url, timeout=60) as http:
            return http.post(path, json=body, headers=headers)

    before = cluster.accepted()
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert cluster.accepted() == before + 1
    other = cluster.http.post(path, json=chat("What is 12 + 8?"), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
