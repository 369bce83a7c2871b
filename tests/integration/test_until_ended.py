"""Waiting for a job's end, without hearing its tokens."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis

from app.factory import create_app
from app.jobs.until_ended import until_ended
from app.services.services import Services
from tasks.ledger import redis_keys
from tasks.ledger.leases import UNREAD, Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.records.event import encode_token
from tasks.records.job import Job
from tasks.settings import Settings
from tests.support import endings
from tests.support.jobs import completion
from tests.support.waiting import until

HOLDER = Holder("w", "")


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    found: Services = create_app(settings.model_copy(update={"models_file": None})).extensions["caravan"]
    yield found
    found.hub.close()
    found.redis.close()


@pytest.fixture
def running(store: Ledger) -> Job:
    job = completion(model="demo")
    store.admission.submit(job, longest_queue=100)
    claimed = store.leases.claim(job.id, HOLDER, model="demo", call=uuid.uuid4().hex).job
    assert claimed is not None
    return claimed


@contextmanager
def waiting(services: Services, job_id: str, *, look_seconds: float = 60) -> Iterator[Future[int]]:
    """Somebody who waits for a job; the number of looks without an end, when it has ended."""
    with ThreadPoolExecutor() as pool:
        waiter = pool.submit(lambda: sum(1 for _ in until_ended(services, job_id, look_seconds=look_seconds)))
        heard = redis_keys.end_channel(job_id)
        until(lambda: waiter.done() or services.redis.pubsub_numsub(heard)[0][1] == 1, what="somebody waits")
        yield waiter


def test_who_waits_reads_no_tokens_and_hears_the_end(services: Services, store: Ledger, running: Job) -> None:
    with waiting(services, running.id) as waiter:
        token = encode_token(index=0, text="a", tokens=[1], finish_reason=None)
        assert store.leases.append(HOLDER, [Append(running.id, running.fence, 1, [token])]) == [UNREAD]
        assert not waiter.done()
        endings.fail(store.leases, HOLDER, running.id, running.fence, 1, "{}")
        assert waiter.result(10) <= 1


def test_a_job_that_has_ended_or_is_gone_is_not_waited_for(services: Services, store: Ledger, running: Job) -> None:
    endings.fail(store.leases, HOLDER, running.id, running.fence, 0, "{}")
    for job_id in (running.id, uuid.uuid4().hex):
        assert list(until_ended(services, job_id, look_seconds=60)) == []


def test_an_end_that_was_not_heard_is_found(
    services: Services, store: Ledger, running: Job, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting(services, running.id) as waiter:
        cut = threading.Event()
        monkeypatch.setattr("tasks.ledger.stream_hub.PAUSE_SECONDS", 0.2)
        monkeypatch.setattr(services.hub, "_receive", lambda _: cut.set())
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
        endings.fail(store.leases, HOLDER, running.id, running.fence, 0, "{}")
        assert waiter.result(10) <= 1


def test_a_caller_is_asked_every_so_often(services: Services, running: Job) -> None:
    for at, _ in enumerate(until_ended(services, running.id, look_seconds=0.01)):
        if at == 3:
            return
    raise AssertionError("it has not ended")
