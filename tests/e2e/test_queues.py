"""Queues that are paused and drained, and jobs that change their places, over HTTP and by the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster, chat


@pytest.fixture
def queue(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose queue is open again afterwards."""
    yield cluster
    cluster.http.post("/queues/demo/resume").raise_for_status()


def test_jobs_of_a_paused_queue_wait_change_places_and_go_on(queue: Cluster) -> None:
    assert queue.http.post("/queues/demo/pause").json()["state"] == "paused"
    first, second = (queue.submit(chat("Hello"), **{"Idempotency-Key": f"paused-{n}"})["id"] for n in range(2))
    assert [queue.job(job)["queue_position"] for job in (first, second)] == [1, 2]
    changed = queue.http.patch(f"/jobs/{second}", json={"priority": "high"}).json()
    assert (changed["priority"], changed["queue_position"]) == ("high", 1)
    assert queue.job(first, wait=1)["status"] == "queued"
    assert queue.http.post("/queues/demo/resume").json()["state"] == "open"
    assert {queue.job(job, wait=30)["status"] for job in (first, second)} == {"succeeded"}
    refused = queue.http.patch(f"/jobs/{first}", json={"priority": "high"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_queued")


def test_a_draining_queue_takes_no_jobs(queue: Cluster) -> None:
    job = queue.submit(chat("Tell me a long story about a fox."))["id"]
    assert queue.http.post("/queues/demo/drain").json()["state"] == "draining"
    refused = queue.http.post("/v1/chat/completions", json=chat("Hello"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "queue_draining")
    assert int(refused.headers["Retry-After"]) > 0
    assert queue.job(job, wait=30)["status"] == "succeeded"


@pytest.mark.parametrize("act", ["pause", "drain", "resume"])
def test_an_unknown_model_has_no_queue(cluster: Cluster, act: str) -> None:
    assert cluster.http.post(f"/queues/none/{act}").json()["error"]["code"] == "model_not_found"


def test_the_command_pauses_lists_and_moves(queue: Cluster) -> None:
    def caravan(*arguments: str) -> str:
        command = [sys.executable, "-m", "app.cli", *arguments, "--url", queue.url]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert caravan("queues", "pause", "demo").startswith("demo paused: ")
    job = queue.submit(chat("Hello"))["id"]
    assert caravan("jobs", "priority", job, "low") == f"{job} low, number 1 in the line\n"
    assert "paused" in caravan("queues", "list")
    assert caravan("queues", "resume", "demo").startswith("demo open: ")
    assert queue.job(job, wait=30)["status"] == "succeeded"


def caravan(queue: Cluster, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**os.environ, "CARAVAN_URL": queue.url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(process: subprocess.Popen[str], words: str) -> str:
    """A line that the command tells."""
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def test_submit_tells_what_its_job_waits_for(queue: Cluster) -> None:
    queue.http.post("/queues/demo/pause").raise_for_status()
    process = caravan(queue, "submit", "What is 12 + 7?")
    job_id = told(process, "job ").split()[1]
    assert told(process, "Waiting.") == "Waiting. The queue of 'demo' is paused, until somebody resumes it.\n"
    shown = queue.job(job_id)
    assert (shown["waits_for"]["reason"], shown["eta_seconds"]) == ("queue_paused", None)
    queue.http.post("/queues/demo/resume").raise_for_status()
    assert process.communicate(timeout=60)[0] == "12 + 7 = 19.\n"
    assert queue.job(job_id)["waits_for"] is None


@pytest.mark.parametrize("how", ["once", "twice", "cancels"])
def test_an_interrupt_ends_the_command_and_a_second_one_the_job(queue: Cluster, how: str) -> None:
    queue.http.post("/queues/demo/pause").raise_for_status()
    process = caravan(queue, "submit", "--stream", *(["--cancel-on-interrupt"] if how == "cancels" else []), "Hello")
    job_id = told(process, "job ").split()[1]
    told(process, "Waiting.")
    process.send_signal(signal.SIGINT)
    if how != "cancels":
        assert f"caravan jobs watch {job_id}" in told(process, "The job continues.")
    if how == "twice":
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert queue.job(job_id)["status"] == ("queued" if how == "once" else "cancelled")


def test_submit_tells_of_an_answer_that_was_cut(queue: Cluster) -> None:
    process = caravan(queue, "submit", "--stream", "--max-tokens", "3", "Tell me a long story about a llama.")
    assert "The answer was cut at 3 tokens (--max-tokens)" in process.communicate(timeout=60)[1]
