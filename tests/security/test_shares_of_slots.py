"""Requests that are wide, or many, keep no other owner from its answer. What comes first is seen, and no time."""

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
from tasks.records.job import Job, JobStatus, Priority
from tasks.settings import Settings
from tests.support.jobs import completion
from tests.support.processes import Process
from tests.support.waiting import until

SLOTS = 4
CONTEXT = 32768
LONG = {"max_tokens": 30_000, "ignore_eos": True}


@pytest.fixture
def queue(client: redis.Redis, settings: Settings, store: Ledger, tmp_path: Path) -> Iterator[QueueService]:
    """Jobs' way to one worker of few slots."""
    models = f"models: {{fake: {{path: fake, slots: {SLOTS}, context: {CONTEXT}, kv_tokens: {CONTEXT * SLOTS}}}}}"
    (tmp_path / "models.yaml").write_text(models)
    env = {
        "CARAVAN_REDIS_URL": settings.redis_url,
        "CARAVAN_MODELS_FILE": str(tmp_path / "models.yaml"),
    }
    worker = Process(["-m", "tasks.worker", "fake", "--name", "w1"], env=env, log=tmp_path / "worker.log")
    worker.start()
    until(lambda: client.exists(redis_keys.worker("w1")) == 1, what="the worker reports")
    yield QueueService(
        store.admission, store.wants, Dispatcher(store.line, create_publisher(settings)), longest_queue=1000
    )
    assert worker.stop() == 0, worker.output()


def status(store: Ledger, job: Job) -> JobStatus:
    found = store.jobs.get(job.id)
    assert found is not None
    return found.status


def chat(owner: str = "alice") -> Job:
    return completion("Hello", owner=owner, sampling={"max_tokens": 4})


def fill(queue: QueueService, store: Ledger, *jobs: Job) -> None:
    """Have the slots taken by jobs that go on for long."""
    for job in jobs:
        queue.submit(job)
    until(lambda: all(status(store, job) is JobStatus.RUNNING for job in jobs[:SLOTS]), what="they run")


def answer(queue: QueueService, store: Ledger, job: Job) -> None:
    queue.submit(job)
    until(lambda: status(store, job) is JobStatus.SUCCEEDED, what="the short job ends")


def test_one_wide_request_keeps_no_other_owner_waiting(queue: QueueService, store: Ledger) -> None:
    wide = completion("Once", owner="mallory", sampling={"n": 16, **LONG})
    fill(queue, store, wide)
    answer(queue, store, chat())
    assert status(store, wide) is JobStatus.RUNNING
    store.admission.cancel(wide.id)


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.HIGH])
def test_many_requests_keep_no_other_owner_waiting(queue: QueueService, store: Ledger, priority: Priority) -> None:
    many = [completion(str(n), owner="mallory", priority=priority, sampling=LONG) for n in range(12)]
    fill(queue, store, *many)
    answer(queue, store, chat())
    assert not any(status(store, job).ended for job in many)
    for job in many:
        store.admission.cancel(job.id)


def test_one_wide_request_does_not_keep_its_own_owners_others_waiting(queue: QueueService, store: Ledger) -> None:
    wide = completion("Once", owner="mallory", sampling={"n": 16, **LONG})
    fill(queue, store, wide)
    answer(queue, store, chat("mallory"))
    assert status(store, wide) is JobStatus.RUNNING
    store.admission.cancel(wide.id)
