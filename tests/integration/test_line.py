"""The waiting line on a real Redis: changed priorities, and queues that are paused or drained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.job_store import SMALL_AT_ONCE, Full, Holder, JobStore
from tasks.ledger.overview import queues
from tasks.records.job import Job, JobStatus, Operation, Priority, QueueState
from tests.integration.test_job_store import accept, claim, give_back, try_claim
from tests.support.jobs import completion


def crew(store: JobStore, capacity: int) -> None:
    """A live worker with so much room."""
    store.report("fake", "w1", 60, {"slots": capacity, "capacity": capacity})


def test_a_job_that_waits_takes_the_place_of_its_new_priority(store: JobStore, client: redis.Redis) -> None:
    first, second, third = (accept(store, priority=Priority.NORMAL) for _ in range(3))
    assert store.reprioritise(third.id, Priority.HIGH) == ["changed", "fake"]
    assert store.reprioritise(first.id, Priority.LOW) == ["changed", "fake"]
    assert [store.place(job) for job in (third, second, first)] == [1, 2, 3]
    (queue,) = queues(client, ["fake"])
    assert queue.queued == {"high": 1, "normal": 1, "low": 1}
    found = store.get(third.id)
    assert found is not None
    assert found.priority is Priority.HIGH


def test_a_job_keeps_how_long_it_has_waited(store: JobStore) -> None:
    first, second = (accept(store, priority=Priority.NORMAL) for _ in range(2))
    for job in (second, first):
        store.reprioritise(job.id, Priority.HIGH)
    assert [store.place(job) for job in (first, second)] == [1, 2]
    for job in (second, first):
        store.reprioritise(job.id, Priority.NORMAL)
    assert [store.place(job) for job in (first, second)] == [1, 2]


def test_only_a_job_that_waits_and_only_its_owners_is_moved(store: JobStore) -> None:
    job = accept(store)
    assert store.reprioritise(job.id, Priority.HIGH, owner="somebody") == ["unknown"]
    assert store.reprioritise("none", Priority.HIGH) == ["unknown"]
    claimed = claim(store, job)
    assert store.reprioritise(job.id, Priority.HIGH) == ["running"]
    give_back(store, claimed)
    assert store.reprioritise(job.id, Priority.HIGH) == ["changed", "fake"]
    store.cancel(job.id)
    assert store.reprioritise(job.id, Priority.HIGH) == ["cancelled"]


def test_a_published_job_takes_its_new_place_if_it_comes_back(store: JobStore) -> None:
    crew(store, 1)
    published, waiting = accept(store), accept(store)
    assert store.take("fake") == [published.id]
    store.reprioritise(published.id, Priority.LOW)
    store.unpublish("fake", [published.id])
    assert [store.place(job) for job in (waiting, published)] == [1, 2]


def test_a_full_queue_tells_how_fast_it_moves(store: JobStore) -> None:
    accept(store)
    unknown = store.submit(completion(), longest_queue=1).full
    assert unknown == Full(depth=1, seconds_a_job=None)
    for worker, seconds in (("w1", 4.0), ("w2", 8.0), ("w3", 0.0)):
        store.report("fake", worker, 60, {"slots": 2, "capacity": 2, "job_seconds": seconds})
    told = store.submit(completion(), longest_queue=1).full
    assert told == Full(depth=1, seconds_a_job=1.0)


def small(store: JobStore) -> Job:
    return accept(store, replace(completion(), operation=Operation.TOKENIZE))


def test_jobs_that_need_no_slot_go_first_and_take_no_room(store: JobStore) -> None:
    crew(store, 2)
    waiting = [accept(store) for _ in range(3)]
    tokens = [small(store) for _ in range(2)]
    assert store.take("fake") == [*(job.id for job in (*tokens, *waiting[:2]))]
    claim(store, tokens[0])
    claim(store, waiting[0])
    assert store.take("fake") == []
    store.cancel(tokens[0].id)
    assert store.take("fake") == []
    store.cancel(waiting[0].id)
    assert store.take("fake") == [waiting[2].id]


def test_only_some_of_the_jobs_that_need_no_slot_are_out_at_once(store: JobStore) -> None:
    crew(store, 1)
    jobs = [small(store) for _ in range(SMALL_AT_ONCE + 1)]
    assert store.take("fake") == [job.id for job in jobs[:-1]]
    assert store.take("fake") == []
    store.cancel(jobs[0].id)
    assert store.take("fake") == [jobs[-1].id]


@pytest.mark.parametrize("kind", [small, accept])
def test_jobs_that_this_release_cannot_read_make_room_for_others(
    store: JobStore, client: redis.Redis, kind: Callable[[JobStore], Job]
) -> None:
    crew(store, SMALL_AT_ONCE)
    newer = [kind(store) for _ in range(SMALL_AT_ONCE)]
    for job in newer:
        client.hset(redis_keys.job(job.id), "v", "99")
    readable = kind(store)
    assert store.take("fake") == [job.id for job in newer]
    assert {try_claim(store, job.id).status for job in newer} == {"unknown"}
    assert store.take("fake") == [readable.id]
    (queue,) = queues(client, ["fake"])
    assert (queue.depth, queue.running) == (SMALL_AT_ONCE + 1, 0)


def test_nothing_is_published_beyond_the_room_of_no_worker(store: JobStore) -> None:
    job = small(store)
    assert store.take("fake") == []
    assert store.place(job) == 1
    crew(store, 1)
    assert store.take("fake") == [job.id]


def test_a_list_leaves_out_what_is_large(store: JobStore) -> None:
    little, much = accept(store), accept(store, replace(completion(), request={"prompt": "x" * 70_000}))
    found = {job.id: job for job in store.get_many([little.id, much.id, "none"])}
    assert found.keys() == {little.id, much.id}
    assert found[little.id] == store.get(little.id)
    assert found[much.id].request == {}
    assert found[much.id].created_at == store.get(much.id).created_at  # type: ignore[union-attr]


def test_a_paused_queue_takes_jobs_and_gives_none(store: JobStore, client: redis.Redis) -> None:
    crew(store, 4)
    running = claim(store, accept(store))
    store.set_queue_state("fake", QueueState.PAUSED)
    waiting = accept(store)
    assert store.take("fake") == []
    small(store)
    assert store.take("fake") == []
    assert queues(client, ["fake"])[0].state is QueueState.PAUSED
    assert store.extend(Holder("w1", "d1"), "fake", {running.id: running.fence}) == {}
    store.set_queue_state("fake", QueueState.OPEN)
    assert waiting.id in store.take("fake")
    assert client.get(redis_keys.queue_state("fake")) is None


@pytest.mark.parametrize("again", [False, True])
def test_a_draining_queue_takes_no_jobs_and_gives_what_it_has(store: JobStore, again: bool) -> None:
    crew(store, 4)
    waiting, ended = accept(store), accept(store)
    store.cancel(ended.id)
    store.set_queue_state("fake", QueueState.DRAINING)
    if again:
        verdict = store.retry(ended.id, owner="", longest_queue=9)[0]
        assert store.get(ended.id).status is JobStatus.CANCELLED  # type: ignore[union-attr]
    else:
        verdict = store.submit(completion(), longest_queue=9).verdict
    assert verdict == "draining"
    assert store.take("fake") == [waiting.id]
