"""A worker that dies loses nothing: its jobs go on at their next tokens."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import httpx
import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

MODELS = "models: {demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}}"
JOBS = [
    chat("Tell me a long story about a llama.", temperature=0, max_tokens=900, ignore_eos=True),
    chat("Tell me a long story about a fox.", temperature=0, max_tokens=900, ignore_eos=True),
    chat("Tell me a long story about an owl.", seed=11, max_tokens=800, ignore_eos=True),
    chat("Tell me a long story about a bear.", seed=12, max_tokens=800, ignore_eos=True, stop=["Chapter 9"]),
    chat("Tell me a long story about a goat.", temperature=0, max_tokens=800, ignore_eos=True),
    chat("Tell me a long story about a cat.", temperature=0, max_tokens=800, ignore_eos=True, n=2),
    chat("Tell me a long story about a horse.", temperature=0, max_tokens=900, ignore_eos=True),
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def test_jobs_of_a_killed_worker_go_on_and_no_stream_shows_a_token_twice(cluster: Cluster) -> None:
    ids = [cluster.submit(body)["id"] for body in JOBS]

    def watch(job_id: str) -> list[sse.Received]:
        with httpx.Client(base_url=cluster.url, timeout=90) as http:
            return list(sse.read(http, job_id))

    with ThreadPoolExecutor(len(ids)) as pool:
        watchers = [pool.submit(watch, job_id) for job_id in ids]
        for _ in range(2):
            assert _has_begun(cluster, ids[0])
            os.kill(cluster.pid_of("tasks.worker"), signal.SIGKILL)
            until(lambda: cluster.job(ids[0])["attempt"] > 1 or cluster.job(ids[0])["status"] == "queued")
            until(lambda: cluster.job(ids[0])["status"] != "queued", what="a new worker has claimed the job")
        streams = [watcher.result() for watcher in watchers]

    jobs = [cluster.job(job_id, wait=30) for job_id in ids]
    assert [job["status"] for job in jobs] == ["succeeded"] * len(ids)
    assert max(job["attempt"] for job in jobs) >= 2
    for job, events in zip(jobs, streams, strict=True):
        assert len({event.id for event in events}) == len(events)
        for choice in job["result"]["choices"]:
            assert sse.text(events, choice["index"]) == choice["message"]["content"]
    for body, job in zip(JOBS, jobs, strict=True):
        assert job["usage"]["completion_tokens"] == body["max_tokens"] * body.get("n", 1)


def test_a_worker_that_is_told_to_stop_gives_its_jobs_back_unblamed(cluster: Cluster) -> None:
    ids = [cluster.submit(body)["id"] for body in JOBS]
    assert _has_begun(cluster, ids[0])
    os.kill(cluster.pid_of("tasks.worker"), signal.SIGTERM)
    for job_id in ids:
        assert cluster.job(job_id, wait=60)["status"] == "succeeded"


def test_tokens_of_a_stop_string_are_not_told_by_the_worker_that_goes_on_either(cluster: Cluster) -> None:
    """The text after the kill may be another where two logits are nearly equal: a prompt's batch rounds otherwise."""
    asked = {"model": "demo", "prompt": "Once upon a time there was a llama.", "logprobs": 1, "temperature": 0}
    asked |= {"max_tokens": 600, "ignore_eos": True}
    (whole,) = cluster.job(cluster.submit(asked)["id"], wait=60)["result"]["choices"]
    stop = whole["text"][-20:]
    for _ in range(8):  # a kill may come after the end, and another text may never come to the stop string
        job_id = cluster.submit({**asked, "stop": [stop]})["id"]
        assert _has_begun(cluster, job_id)
        os.kill(cluster.pid_of("tasks.worker"), signal.SIGKILL)
        job = cluster.job(job_id, wait=60)
        (choice,) = job["result"]["choices"]
        if (job["attempt"], choice["finish_reason"]) == (2, "stop"):
            break
    assert (job["attempt"], choice["finish_reason"]) == (2, "stop")
    text, told = choice["text"], choice["logprobs"]["tokens"]
    assert told[:20] == whole["logprobs"]["tokens"][:20]
    assert stop not in text
    assert "".join(told).startswith(text)
    assert len("".join(told[:-1])) < len(text) <= len("".join(told))


def _has_begun(cluster: Cluster, job_id: str) -> bool:
    """Waits for 20 token events of a job, or for all: an engine that is ahead of its publisher tells many in one."""
    tokens = (event for event in sse.read(cluster.http, job_id) if event.event == "token")
    return bool(list(islice(tokens, 20)))


def test_log_likelihoods_of_a_prompt_survive_their_worker_and_are_told_once(cluster: Cluster) -> None:
    """One job is killed after they were told, one is likely to be killed while they are computed."""
    asked = {"model": "demo", "prompt": "Once upon a time there was a llama. " * 20, "echo": True, "logprobs": 2}
    options = {"temperature": 0, "max_tokens": 500, "ignore_eos": True}
    ids = [cluster.submit({**asked, **options, "prompt": prompt})["id"] for prompt in (asked["prompt"], [5, 6, 7, 8])]
    assert _has_begun(cluster, ids[0])
    ids += [cluster.submit({**asked, "max_tokens": 0})["id"] for _ in range(3)]
    os.kill(cluster.pid_of("tasks.worker"), signal.SIGKILL)
    jobs = [cluster.job(job_id, wait=60) for job_id in ids]
    assert [job["status"] for job in jobs] == ["succeeded"] * len(ids)
    assert jobs[0]["attempt"] >= 2
    for job in jobs:
        (choice,) = job["result"]["choices"]
        told = choice["logprobs"]["token_logprobs"]
        assert len(told) == job["usage"]["prompt_tokens"] + job["usage"]["completion_tokens"]
        assert [at for at, logprob in enumerate(told) if logprob is None] == [0]
