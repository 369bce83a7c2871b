"""Removing jobs from the ledger: whatever became of one, nothing of it stays."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import redis

from tasks.ledger import event_stream, redis_keys
from tasks.ledger.admission import Idempotency
from tasks.ledger.jobs import Wanted
from tasks.ledger.ledger import Ledger
from tasks.records.event import decode_message
from tasks.records.job import Job, JobStatus
from tests.integration.test_ledger import HOLDER, OUTCOME, accept, append, claim, give_back, try_claim
from tests.support import endings
from tests.support.jobs import completion, verdict

KEY = Idempotency("k", "digest")
KEPT = {
    "caravan:totals:fake",
    "caravan:models",
    "caravan:counters:fake",
    "caravan:histograms:fake",
    "caravan:queued:fake",
    "caravan:fair:fake:normal",
    "caravan:lanes:fake",
}
"""Counts, which are no job's."""

Bring = Callable[[Ledger, Job], object]


def submit(store: Ledger) -> Job:
    job = completion(timeout_seconds=60.0)
    assert verdict(store.admission.submit(job, longest_queue=100, idempotency=KEY)) == "accepted"
    return job


def put_off(store: Ledger, job: Job) -> None:
    held = claim(store, job)
    endings.put_off(store.leases, HOLDER, held.id, held.fence, 0, '{"code": "engine_failure"}', seconds=60)


def succeed(store: Ledger, job: Job) -> None:
    held = claim(store, job)
    append(store, held, 1)
    assert endings.succeed(store.leases, HOLDER, held.id, held.fence, 1, OUTCOME) == "ok"


def fail(store: Ledger, job: Job) -> None:
    held = claim(store, job)
    assert endings.fail(store.leases, HOLDER, held.id, held.fence, 0, json.dumps({"code": "engine_failure"})) == "ok"


def bury(store: Ledger, job: Job) -> None:
    for attempt in range(3):
        claim(store, job)
        if attempt == 2:
            store.workers.begin_trial("w1", job.id)
        store.workers.release("fake", "w1", reason="crashed")
    store.workers.end_trial("w1")
    (buried,) = store.jobs.get_many([job.id])
    assert buried.status is JobStatus.FAILED


def expire(store: Ledger, job: Job) -> None:
    store.jobs._redis.zadd("caravan:due:fake", {job.id: 1})
    assert store.line.sweep("fake").ended == [job.id]


STATUSES: dict[str, tuple[Bring, str]] = {
    "queued": (lambda store, job: None, "queued"),
    "published": (lambda store, job: store.line.take("fake"), "queued"),
    "put off": (put_off, "queued"),
    "running": (claim, "running"),
    "running with tokens": (lambda store, job: append(store, claim(store, job), 1, 3), "running"),
    "succeeded": (succeed, "succeeded"),
    "failed": (fail, "failed"),
    "a dead letter": (bury, "failed"),
    "cancelled": (lambda store, job: store.admission.cancel(job.id), "cancelled"),
    "expired": (expire, "expired"),
}


@pytest.mark.parametrize("state", STATUSES)
def test_nothing_of_a_job_stays(store: Ledger, client: redis.Redis, state: str) -> None:
    job, (bring, status) = submit(store), STATUSES[state]
    bring(store, job)
    assert store.admission.forget(job.id) == status
    assert set(map(str, client.keys("*"))) <= KEPT
    assert set(map(int, client.hvals(redis_keys.queued_by_priority("fake")))) <= {0}
    assert store.jobs.get(job.id) is None


def test_a_job_is_forgotten_once(store: Ledger) -> None:
    job = accept(store)
    assert store.admission.forget(job.id) is JobStatus.QUEUED
    assert store.admission.forget(job.id) is None


def test_a_job_of_another_owner_is_left_alone(store: Ledger) -> None:
    job = accept(store)
    assert store.admission.forget(job.id, owner="else") is None
    assert store.jobs.get(job.id) is not None


def test_other_jobs_are_left_alone(store: Ledger, client: redis.Redis) -> None:
    first, second, third = (accept(store) for _ in range(3))
    succeed(store, third)
    store.admission.forget(first.id)
    assert store.jobs.standing(second).position == 1
    found = store.jobs.get(third.id)
    assert found is not None
    assert found.status is JobStatus.SUCCEEDED
    assert store.jobs.find("local", Wanted(), limit=9).ids == [third.id, second.id]


def test_its_key_stands_for_a_new_job_afterwards(store: Ledger) -> None:
    store.admission.forget(submit(store).id)
    submit(store)


def test_a_key_that_stands_for_another_job_by_now_is_kept(store: Ledger, client: redis.Redis) -> None:
    job = submit(store)
    client.hset("caravan:idem:local:k", "job", "another")
    store.admission.forget(job.id)
    assert client.exists("caravan:idem:local:k")


def test_its_readers_are_told_that_it_ended_and_its_worker_to_look_up(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(redis_keys.control_channel("fake"), redis_keys.event_channel(job.id))
        while pubsub.get_message(timeout=0.2):
            pass
        store.admission.forget(job.id)
        heard = [message for _ in range(4) if (message := pubsub.get_message(timeout=0.5))]
    events = [event for message in heard if message["channel"] == redis_keys.event_channel(job.id)
              for event in decode_message(message["data"])]  # fmt: skip
    assert [(event.type, event.status) for event in events] == [("done", "cancelled")]
    control = redis_keys.control_channel("fake")
    assert [message["data"] for message in heard if message["channel"] == control] == [job.id]


def test_its_worker_can_write_nothing_any_more(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    store.admission.forget(job.id)
    assert append(store, job, 1) == "unknown"
    assert store.leases.extend(HOLDER, "fake", {job.id: job.fence}) == {job.id: "unknown"}
    assert endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME) == "unknown"
    assert endings.fail(store.leases, HOLDER, job.id, job.fence, 0, "{}") == "unknown"
    assert endings.put_off(store.leases, HOLDER, job.id, job.fence, 0, "{}", seconds=1) == "unknown"
    assert give_back(store, job) != "ok"
    assert try_claim(store, job.id).status == "unknown"
    assert set(map(str, client.keys("*"))) <= KEPT
    assert event_stream.read(client, job.id) == []


def test_many_are_forgotten_at_once_whatever_became_of_them(store: Ledger, client: redis.Redis) -> None:
    jobs = [accept(store) for _ in range(5)]
    succeed(store, jobs[1])
    store.admission.cancel(jobs[2].id)
    assert store.admission.forget_many([job.id for job in jobs] + ["none", jobs[0].id]) == 5
    assert set(map(str, client.keys("*"))) <= KEPT
    assert store.admission.forget_many([job.id for job in jobs]) == 0


def test_of_many_those_of_another_owner_are_left_alone(store: Ledger) -> None:
    mine, another = accept(store), accept(store, owner="else")
    assert store.admission.forget_many([mine.id, another.id], owner=mine.owner) == 1
    assert store.jobs.get(another.id) is not None
    assert store.admission.forget_many([another.id]) == 1


def test_many_are_forgotten_by_a_redis_that_has_lost_its_scripts(store: Ledger, client: redis.Redis) -> None:
    jobs = [accept(store) for _ in range(2)]
    assert store.admission.forget_many([jobs[0].id]) == 1
    client.script_flush()
    assert store.admission.forget_many([jobs[1].id]) == 1
