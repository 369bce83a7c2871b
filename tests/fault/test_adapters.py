"""Jobs with different adapters on one worker that is killed: each goes on with its own."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.demo_adapters import ENDS, GREETS, cases
from tests.support.waiting import until

ENTRY = "path: demo, slots: 8, context: 1024, kv_tokens: 8192"
MODELS = f"models: {{demo: {{{ENTRY}, adapters: {{greets: {GREETS}, ends: {ENDS}}}}}}}"
COUNT, KILLS, WATCHED = 200, 2, 24


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.mark.timeout(300)
def test_jobs_of_a_killed_worker_go_on_with_their_adapters(cluster: Cluster) -> None:
    several = cases(COUNT, random.Random(7))
    stories = ["demo", "demo:greets", "demo:ends"]
    story = chat("Tell me a long story about a fox.", temperature=0, max_tokens=400, ignore_eos=True)
    told = [cluster.submit({**story, "model": model}) for model in stories]
    asked = [
        cluster.submit({"model": case.model, "messages": case.messages, "temperature": 0, "max_tokens": 40})
        for case in several
    ]

    ids = [job["id"] for job in (*told, *asked)]
    with ThreadPoolExecutor(WATCHED) as pool:
        watchers = [pool.submit(sse.watch, cluster.url, job_id) for job_id in ids[:WATCHED]]
        for _ in range(KILLS):
            tokens = (event for event in sse.read(cluster.http, ids[0]) if event.event == "token")
            assert list(islice(tokens, 20))
            os.kill(cluster.pid_of("tasks.worker"), signal.SIGKILL)
            until(lambda: cluster.job(ids[0])["attempt"] > 1 or cluster.job(ids[0])["status"] == "queued")
            until(lambda: cluster.job(ids[0])["status"] != "queued", what="a new worker has claimed the job")
        streams = [watcher.result() for watcher in watchers]
    jobs = [cluster.job(job_id, wait=60) for job_id in ids]
    assert {job["status"] for job in jobs} == {"succeeded"}
    assert jobs[0]["attempt"] > 1
    answers = [job["result"]["choices"][0]["message"]["content"] for job in jobs[len(stories) :]]
    assert answers == [case.answer for case in several]
    assert [job["result"]["model"] for job in jobs[len(stories) :]] == [case.model for case in several]
    for job, events in zip(jobs, streams, strict=False):
        assert len({event.id for event in events}) == len(events)
        assert sse.text(events) == job["result"]["choices"][0]["message"]["content"]
