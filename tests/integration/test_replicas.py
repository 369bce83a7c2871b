"""A job is accepted once as many replicas have it as are asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from tasks.ledger.admission import Accepted, Idempotency, Submission
from tasks.ledger.connection import TooFewReplicas, connect
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.records.job import Job
from tasks.settings import Settings
from tests.support.fronts import front
from tests.support.jobs import completion
from tests.support.sentinels import Group, executable

KEY = Idempotency("k", "digest")

pytestmark = pytest.mark.skipif(executable() is None, reason="no redis-server on the PATH")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    running = Group(tmp_path_factory.mktemp("group") / "redis", replicas=1, sentinels=1)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(group: Group) -> Iterator[redis.Redis]:
    with connect(group.url) as found:
        found.flushall()
        yield found


@pytest.fixture
def store(group: Group, client: redis.Redis) -> Ledger:
    return open_ledger(Settings(redis_url=group.url, redis_replicas=1), client)


def accept(store: Ledger, job: Job) -> Accepted:
    taking = store.line.taking(job.model)
    return store.admission.accept(job, take=taking, stands=True, longest_queue=100, idempotency=KEY)


def test_a_job_that_a_replica_has_is_accepted(store: Ledger, client: redis.Redis) -> None:
    for _ in range(2):  # the scripts are unknown at first, and are sent again
        client.script_flush()
        job = completion()
        accepted = store.admission.accept(job, take=store.line.taking(job.model), stands=True, longest_queue=100)
        assert accepted.reply == Submission("accepted", job.id)
        assert accepted.standing is not None


def test_a_job_that_no_replica_confirms_is_not_told_as_accepted_until_one_does(store: Ledger, group: Group) -> None:
    job = completion()
    group.freeze_replicas()
    try:
        began = time.monotonic()
        assert isinstance(accept(store, job).reply, TooFewReplicas)
        assert isinstance(accept(store, job).reply, TooFewReplicas), "a repeated one is not confirmed either"
        (many,), _ = store.admission.accept_many([(job, KEY)], longest_queue=100)
        assert isinstance(many, TooFewReplicas)
        with pytest.raises(TooFewReplicas):
            store.admission.known(job.owner, KEY)
        assert time.monotonic() - began < 8
        served = front(Settings(redis_url=group.url, redis_replicas=1), keys=False)
        body = {"model": "demo", "prompt": "x"}
        began = time.monotonic()
        refused = served.post("/jobs", json=body, headers={"Idempotency-Key": "again"})
        assert time.monotonic() - began < 3
        assert (refused.status_code, refused.json["error"]["code"]) == (503, "broker_unavailable")  # type: ignore[index]
        assert "1 of its replicas" in refused.json["error"]["message"]  # type: ignore[index]
    finally:
        group.freeze_replicas(thaw=True)
    group.is_complete()
    assert served.post("/jobs", json=body, headers={"Idempotency-Key": "again"}).status_code in (200, 202)
    assert accept(store, job).reply == Submission("known", job.id)
