"""A real worker process with the fake embedding model: nothing of a job is kept before it ends, and it ends once."""

from __future__ import annotations

import base64
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.job import Job, JobStatus
from tasks.settings import Settings
from tests.support.fake_worker import fake_worker
from tests.support.jobs import embedding
from tests.support.processes import Process
from tests.support.waiting import until

SLOTS, CONTEXT = 4, 64
MODELS = f"models: {{fake: {{path: fake, kind: embedding, slots: {SLOTS}, context: {CONTEXT}}}}}"
LONG = [f"text {number}" for number in range(400)]
"""Two seconds of steps."""


@pytest.fixture
def queue(settings: Settings, store: Ledger) -> QueueService:
    return QueueService(
        store.admission, store.wants, Dispatcher(store.line, create_publisher(settings)), longest_queue=1000
    )


@pytest.fixture
def program() -> str:
    return "tasks.worker"


@pytest.fixture
def worker(client: redis.Redis, settings: Settings, program: str, tmp_path: Path) -> Iterator[Process]:
    with fake_worker(client, settings, tmp_path, models=MODELS, program=program) as process:
        yield process


def find(store: Ledger, job: Job) -> Job:
    found = store.jobs.get(job.id)
    assert found is not None
    return found


def ended(store: Ledger, job: Job) -> Job | None:
    found = find(store, job)
    return found if found.status.ended else None


def assert_vectors(job: Job) -> None:
    """A job that succeeded, with the vector of each of its texts in its place."""
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.outcome is not None
    backend = FakeEmbeddingBackend(num_slots=SLOTS, context=CONTEXT)
    texts = job.request["input"]
    read = [np.frombuffer(base64.b64decode(vector), "<f4").tolist() for vector in job.outcome.data["vectors"]]
    assert read == [backend.embed([list(text.encode())])[0].tolist() for text in texts]
    assert job.outcome.usage.prompt_tokens == sum(len(text.encode()) for text in texts)
    assert job.outcome.usage.completion_tokens == 0


def busy(client: redis.Redis) -> bool:
    return float(client.hget(redis_keys.worker("w1"), "steps") or 0) > 5


def test_each_job_gets_the_vectors_of_its_own_texts(worker: Process, store: Ledger, queue: QueueService) -> None:
    jobs = [embedding([f"{n} {text}" for text in range(n)]) for n in range(1, 12)]
    for job in jobs:
        queue.submit(job)
    for job in jobs:
        done = until(lambda job=job: ended(store, job))  # type: ignore[misc]
        assert_vectors(done)
        assert done.attempt == 1
        assert done.outcome is not None
        assert done.outcome.timings is not None


def test_a_killed_worker_s_job_begins_anew(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    job = embedding(LONG)
    queue.submit(job)
    until(lambda: busy(client), what="the job runs")
    assert find(store, job).status is JobStatus.RUNNING
    worker.kill()
    worker.start()
    done = until(lambda: ended(store, job))
    assert_vectors(done)
    assert done.attempt == 2


def test_a_stopping_worker_gives_back_what_it_cannot_finish(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    short, long = embedding(["short"]), embedding(LONG + LONG)
    queue.submit(short)
    queue.submit(long)
    until(lambda: busy(client), what="the job runs")
    assert worker.stop(signal.SIGTERM) == 0
    assert_vectors(find(store, short))
    given_back = find(store, long)
    assert (given_back.status, given_back.crashes) == (JobStatus.QUEUED, 0)
    worker.start()
    assert_vectors(until(lambda: ended(store, long)))


def test_a_cancelled_job_leaves_its_place_at_once(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    hog, waiting = embedding(LONG * 50), embedding(["next"])
    queue.submit(hog)
    until(lambda: busy(client), what="the job runs")
    queue.submit(waiting)
    assert not find(store, waiting).status.ended
    queue.cancel(hog.id, owner="local")
    assert_vectors(until(lambda: ended(store, waiting), seconds=3))
    assert find(store, hog).status is JobStatus.CANCELLED


def test_figures_tell_of_the_passages(worker: Process, store: Ledger, queue: QueueService, client: redis.Redis) -> None:
    queue.submit(job := embedding(LONG))
    until(lambda: client.hget(redis_keys.worker("w1"), "busy") == str(SLOTS), what="the slots are in use")
    until(lambda: ended(store, job))
    tokens = str(sum(map(len, LONG)))
    until(lambda: client.hget(redis_keys.worker("w1"), "prompt_tokens") == tokens, what="the last report")
    until(lambda: client.hget(redis_keys.worker("w1"), "busy") == "0", what="the slots are free")
    assert client.hget(redis_keys.worker("w1"), "step_sequences") == str(len(LONG))


def test_a_passage_that_is_too_long_fails_its_job_alone(worker: Process, store: Ledger, queue: QueueService) -> None:
    good, bad = embedding(["fine"]), embedding(["fine", "x" * (CONTEXT + 1)])
    queue.submit(bad)
    queue.submit(good)
    done = until(lambda: ended(store, bad))
    assert done.status is JobStatus.FAILED
    assert done.error is not None
    assert (done.error["code"], done.error["param"]) == ("context_length_exceeded", "input")
    assert_vectors(until(lambda: ended(store, good)))


@pytest.mark.parametrize("program", ["tests.support.poisoned_worker"])
def test_a_job_that_workers_die_of_is_the_only_one_that_fails(
    worker: Process, store: Ledger, queue: QueueService
) -> None:
    innocent = [embedding([f"{n}", "fine"]) for n in range(6)]
    poison = embedding(["fine", "POISON"])
    for job in (*innocent[:3], poison, *innocent[3:]):
        queue.submit(job)

    def all_ended() -> bool:
        if not worker.running:
            worker.start()
        return all(ended(store, job) for job in (poison, *innocent))

    until(all_ended, seconds=60, what="all jobs have ended")
    failed = find(store, poison)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error["code"] == "worker_died"
    assert failed.deaths[-1]["alone"]
    for job in innocent:
        assert_vectors(find(store, job))
