"""Removing jobs from the ledger: whatever became of one, nothing of it stays."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import redis

from tasks.ledger import event_stream, redis_keys
from tasks.ledger.job_store import Idempotency, JobStore
from tasks.records.event import decode_message
from tasks.records.job import Job, JobStatus
from tests.integration.test_job_store import HOLDER, OUTCOME, accept, append, claim, give_back, try_claim
from tests.support.jobs import completion

KEY = Idempotency("k", "digest")
KEPT = {
    "caravan:totals:fake",
    "caravan:counters:fake",
    "caravan:histograms:fake",
    "caravan:queued:fake",
    "caravan:fair:fake:normal",
    "caravan:lanes:fake",
}
"""Counts, which are no job's."""

Bring = Callable[[JobStore, Job], object]


def submit(store: JobStore) -> Job:
    job = completion(timeout_seconds=60.0)
    assert store.submit(job, longest_queue=100, idempotency=KEY).verdict == "accepted"
    return job


def put_off(store: JobStore, job: Job) -> None:
    held = claim(store, job)
    store.put_off(HOLDER, held.id, held.fence, 0, '{"code": "engine_failure"}', seconds=60)


def succeed(store: JobStore, job: Job) -> None:
    held = claim(store, job)
    append(store, held, 1)
    assert store.succeed(HOLDER, held.id, held.fence, 1, OUTCOME) == "ok"


def fail(store: JobStore, job: Job) -> None:
    held = claim(store, job)
    assert store.fail(HOLDER, held.id, held.fence, 0, json.dumps({"code": "engine_failure"})) == "ok"


def bury(store: JobStore, job: Job) -> None:
    for attempt in range(3):
        claim(store, job)
        if attempt == 2:
            store.begin_trial("w1", job.id)
        store.release_worker("fake", "w1", reason="crashed")
    store.end_trial("w1")
    assert store.dead(["fake"]) == [job.id]


def expire(store: JobStore, job: Job) -> None:
    store._redis.zadd("caravan:due:fake", {job.id: 1})
    assert store.sweep("fake").ended == [job.id]


STATUSES: dict[str, tuple[Bring, str]] = {
    "queued": (lambda store, job: None, "queued"),
    "published": (lambda store, job: store.take("fake"), "queued"),
    "put off": (put_off, "queued"),
    "running": (claim, "running"),
    "running with tokens": (lambda store, job: append(store, claim(store, job), 1, 3), "running"),
    "succeeded": (succeed, "succeeded"),
    "failed": (fail, "failed"),
    "a dead letter": (bury, "failed"),
    "cancelled": (lambda store, job: store.cancel(job.id), "cancelled"),
    "expired": (expire, "expired"),
}


@pytest.mark.parametrize("state", STATUSES)
def test_nothing_of_a_job_stays(store: JobStore, client: redis.Redis, state: str) -> None:
    job, (bring, status) = submit(store), STATUSES[state]
    bring(store, job)
    assert store.forget(job.id) == [status, "fake"]
    assert set(map(str, client.keys("*"))) <= KEPT
    assert set(map(int, client.hvals(redis_keys.queued_by_priority("fake")))) <= {0}
    assert store.get(job.id) is None


def test_a_job_is_forgotten_once(store: JobStore) -> None:
    job = accept(store)
    assert store.forget(job.id) == ["queued", "fake"]
    assert store.forget(job.id) == ["unknown"]


def test_a_job_of_another_owner_is_left_alone(store: JobStore) -> None:
    job = accept(store)
    assert store.forget(job.id, owner="else") == ["unknown"]
    assert store.get(job.id) is not None


def test_other_jobs_are_left_alone(store: JobStore, client: redis.Redis) -> None:
    first, second, third = (accept(store) for _ in range(3))
    succeed(store, third)
    store.forget(first.id)
    assert store.place(second) == 1
    found = store.get(third.id)
    assert found is not None
    assert found.status is JobStatus.SUCCEEDED
    assert [job_id for job_id, _ in store.owned("local", before=None, count=9)] == [third.id, second.id]


def test_its_key_stands_for_a_new_job_afterwards(store: JobStore) -> None:
    store.forget(submit(store).id)
    submit(store)


def test_a_key_that_stands_for_another_job_by_now_is_kept(store: JobStore, client: redis.Redis) -> None:
    job = submit(store)
    client.hset("caravan:idem:local:k", "job", "another")
    store.forget(job.id)
    assert client.exists("caravan:idem:local:k")


def test_its_readers_are_told_that_it_ended_and_its_worker_to_look_up(store: JobStore, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(redis_keys.bell("fake"), redis_keys.tokens(job.id))
        while pubsub.get_message(timeout=0.2):
            pass
        store.forget(job.id)
        heard = [message for _ in range(4) if (message := pubsub.get_message(timeout=0.5))]
    events = [event for message in heard if message["channel"] == redis_keys.tokens(job.id)
              for event in decode_message(message["data"])]  # fmt: skip
    assert [(event.type, event.status) for event in events] == [("done", "cancelled")]
    assert [message["data"] for message in heard if message["channel"] == redis_keys.bell("fake")] == [job.id]


def test_its_worker_can_write_nothing_any_more(store: JobStore, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    store.forget(job.id)
    assert append(store, job, 1) == "unknown"
    assert store.extend(HOLDER, "fake", {job.id: job.fence}) == {job.id: "unknown"}
    assert store.succeed(HOLDER, job.id, job.fence, 0, OUTCOME) == "unknown"
    assert store.fail(HOLDER, job.id, job.fence, 0, "{}") == "unknown"
    assert store.put_off(HOLDER, job.id, job.fence, 0, "{}", seconds=1) == "unknown"
    assert give_back(store, job) != "ok"
    assert try_claim(store, job.id).status == "unknown"
    assert set(map(str, client.keys("*"))) <= KEPT
    assert event_stream.read(client, job.id) == []


def test_many_are_forgotten_at_once_whatever_became_of_them(store: JobStore, client: redis.Redis) -> None:
    jobs = [accept(store) for _ in range(5)]
    succeed(store, jobs[1])
    store.cancel(jobs[2].id)
    assert store.forget_many([job.id for job in jobs] + ["none", jobs[0].id]) == 5
    assert set(map(str, client.keys("*"))) <= KEPT
    assert store.forget_many([job.id for job in jobs]) == 0


def test_of_many_those_of_another_owner_are_left_alone(store: JobStore) -> None:
    mine, another = accept(store), accept(store, owner="else")
    assert store.forget_many([mine.id, another.id], owner=mine.owner) == 1
    assert store.get(another.id) is not None
    assert store.forget_many([another.id]) == 1


def test_many_are_forgotten_by_a_redis_that_has_lost_its_scripts(store: JobStore, client: redis.Redis) -> None:
    jobs = [accept(store) for _ in range(2)]
    assert store.forget_many([jobs[0].id]) == 1
    client.script_flush()
    assert store.forget_many([jobs[1].id]) == 1
