"""A real worker process with the fake reranker: jobs share its batches, and each ends once with its own scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.job import Job, JobStatus
from tasks.settings import Settings
from tests.support.fake_worker import fake_worker
from tests.support.jobs import reranking
from tests.support.processes import Process
from tests.support.waiting import until

SLOTS, CONTEXT = 4, 64
MODELS = f"models: {{fake: {{path: fake, kind: rerank, slots: {SLOTS}, context: {CONTEXT}}}}}"
QUERY = "red fox"
LONG = [f"a fox {number}" if number % 2 else "a dog" for number in range(400)]
"""Two seconds of steps."""


@pytest.fixture
def queue(settings: Settings, store: Ledger) -> QueueService:
    return QueueService(
        store.admission, store.wants, Dispatcher(store.line, create_publisher(settings)), longest_queue=1000
    )


@pytest.fixture
def worker(client: redis.Redis, settings: Settings, tmp_path: Path) -> Iterator[Process]:
    with fake_worker(client, settings, tmp_path, models=MODELS) as process:
        yield process


def ended(store: Ledger, job: Job) -> Job | None:
    found = store.jobs.get(job.id)
    assert found is not None
    return found if found.status.ended else None


def assert_scores(job: Job) -> None:
    """A job that succeeded, with the score of each of its documents in its place."""
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.outcome is not None
    query, documents = job.request["query"].split(), job.request["documents"]
    assert job.outcome.data["scores"] == [float(sum(word in query for word in each.split())) for each in documents]
    size = len(job.request["query"].encode()) + 1
    assert job.outcome.usage.prompt_tokens == sum(size + len(each.encode()) for each in documents)


def test_each_job_gets_the_scores_of_its_own_documents(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    jobs = [reranking(QUERY, [f"{n} red"] * 2 + ["fox red"]) for n in range(8)]
    for job in jobs:
        queue.submit(job)
    for job in jobs:
        done = until(lambda job=job: ended(store, job))  # type: ignore[misc]
        assert_scores(done)
        assert done.attempt == 1
    until(lambda: client.hget(redis_keys.worker("w1"), "step_sequences") == "24", what="the last report")
    assert int(client.hget(redis_keys.worker("w1"), "steps") or 0) < 24, "pairs of several jobs share a batch"
    assert client.hget(redis_keys.worker("w1"), "cells") == "0"


def test_a_killed_worker_s_job_begins_anew(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    queue.submit(job := reranking(QUERY, LONG))
    until(lambda: float(client.hget(redis_keys.worker("w1"), "steps") or 0) > 5, what="the job runs")
    worker.kill()
    worker.start()
    done = until(lambda: ended(store, job))
    assert_scores(done)
    assert done.attempt == 2


def test_a_pair_that_is_too_long_fails_its_job_alone(worker: Process, store: Ledger, queue: QueueService) -> None:
    good, bad = reranking(QUERY, ["a fox"]), reranking(QUERY, ["a fox", "x" * CONTEXT])
    queue.submit(bad)
    queue.submit(good)
    failed = until(lambda: ended(store, bad))
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert (failed.error["code"], failed.error["param"]) == ("context_length_exceeded", "documents")
    assert_scores(until(lambda: ended(store, good)))
