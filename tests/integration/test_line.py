"""The waiting line on a real Redis: changed priorities, and queues that are paused or drained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.admission import Full
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.ledger.line import SMALL_AT_ONCE
from tasks.ledger.overview import queues
from tasks.records.job import Job, JobStatus, Operation, Priority, QueueState
from tests.integration.test_ledger import accept, claim, give_back, try_claim
from tests.support.jobs import completion, verdict


def crew(store: Ledger, capacity: int) -> None:
    """A live worker with so much room."""
    store.workers.report("fake", "w1", 60, {"slots": capacity, "capacity": capacity})


def test_a_job_that_waits_takes_the_place_of_its_new_priority(store: Ledger, client: redis.Redis) -> None:
    first, second, third = (accept(store, priority=Priority.NORMAL) for _ in range(3))
    assert verdict(store.admission.reprioritise(third.id, Priority.HIGH)) == "changed"
    assert verdict(store.admission.reprioritise(first.id, Priority.LOW)) == "changed"
    assert [store.jobs.standing(job).position for job in (third, second, first)] == [1, 2, 3]
    (queue,) = queues(client, ["fake"])
    assert queue.queued == {"high": 1, "normal": 1, "low": 1}
    found = store.jobs.get(third.id)
    assert found is not None
    assert found.priority is Priority.HIGH


def test_a_job_keeps_how_long_it_has_waited(store: Ledger) -> None:
    first, second = (accept(store, priority=Priority.NORMAL) for _ in range(2))
    for job in (second, first):
        store.admission.reprioritise(job.id, Priority.HIGH)
    assert [store.jobs.standing(job).position for job in (first, second)] == [1, 2]
    for job in (second, first):
        store.admission.reprioritise(job.id, Priority.NORMAL)
    assert [store.jobs.standing(job).position for job in (first, second)] == [1, 2]


def test_only_a_job_that_waits_and_only_its_owners_is_moved(store: Ledger) -> None:
    job = accept(store)
    assert verdict(store.admission.reprioritise(job.id, Priority.HIGH, owner="somebody")) == "unknown"
    assert verdict(store.admission.reprioritise("none", Priority.HIGH)) == "unknown"
    claimed = claim(store, job)
    assert verdict(store.admission.reprioritise(job.id, Priority.HIGH)) == "running"
    give_back(store, claimed)
    assert verdict(store.admission.reprioritise(job.id, Priority.HIGH)) == "changed"
    store.admission.cancel(job.id)
    assert verdict(store.admission.reprioritise(job.id, Priority.HIGH)) == "cancelled"


def test_a_published_job_takes_its_new_place_if_it_comes_back(store: Ledger) -> None:
    crew(store, 1)
    published, waiting = accept(store), accept(store)
    assert store.line.take("fake") == [published.id]
    store.admission.reprioritise(published.id, Priority.LOW)
    store.line.unpublish("fake", [published.id])
    assert [store.jobs.standing(job).position for job in (waiting, published)] == [1, 2]


def test_a_full_queue_tells_how_fast_it_moves(store: Ledger) -> None:
    accept(store)
    unknown = store.admission.submit(completion(), longest_queue=1)
    assert unknown == Full(depth=1, seconds_a_job=None)
    for worker, seconds in (("w1", 4.0), ("w2", 8.0), ("w3", 0.0)):
        store.workers.report("fake", worker, 60, {"slots": 2, "capacity": 2, "job_seconds": seconds})
    told = store.admission.submit(completion(), longest_queue=1)
    assert told == Full(depth=1, seconds_a_job=1.0)


def small(store: Ledger) -> Job:
    return accept(store, replace(completion(), operation=Operation.TOKENIZE))


def test_jobs_that_need_no_slot_go_first_and_take_no_room(store: Ledger) -> None:
    crew(store, 2)
    waiting = [accept(store) for _ in range(3)]
    tokens = [small(store) for _ in range(2)]
    assert store.line.take("fake") == [*(job.id for job in (*tokens, *waiting[:2]))]
    claim(store, tokens[0])
    claim(store, waiting[0])
    assert store.line.take("fake") == []
    store.admission.cancel(tokens[0].id)
    assert store.line.take("fake") == []
    store.admission.cancel(waiting[0].id)
    assert store.line.take("fake") == [waiting[2].id]


def test_only_some_of_the_jobs_that_need_no_slot_are_out_at_once(store: Ledger) -> None:
    crew(store, 1)
    jobs = [small(store) for _ in range(SMALL_AT_ONCE + 1)]
    assert store.line.take("fake") == [job.id for job in jobs[:-1]]
    assert store.line.take("fake") == []
    store.admission.cancel(jobs[0].id)
    assert store.line.take("fake") == [jobs[-1].id]


@pytest.mark.parametrize("kind", [small, accept])
def test_jobs_that_this_release_cannot_read_make_room_for_others(
    store: Ledger, client: redis.Redis, kind: Callable[[Ledger], Job]
) -> None:
    crew(store, SMALL_AT_ONCE)
    newer = [kind(store) for _ in range(SMALL_AT_ONCE)]
    for job in newer:
        client.hset(redis_keys.job(job.id), "v", "99")
    readable = kind(store)
    assert store.line.take("fake") == [job.id for job in newer]
    assert {try_claim(store, job.id).status for job in newer} == {"unknown"}
    assert store.line.take("fake") == [readable.id]
    (queue,) = queues(client, ["fake"])
    assert (queue.depth, queue.running) == (SMALL_AT_ONCE + 1, 0)


def test_nothing_is_published_beyond_the_room_of_no_worker(store: Ledger) -> None:
    job = small(store)
    assert store.line.take("fake") == []
    assert store.jobs.standing(job).position == 1
    crew(store, 1)
    assert store.line.take("fake") == [job.id]


def test_a_list_leaves_out_what_is_large(store: Ledger) -> None:
    little, much = accept(store), accept(store, replace(completion(), request={"prompt": "x" * 70_000}))
    found = {job.id: job for job in store.jobs.get_many([little.id, much.id, "none"])}
    assert found.keys() == {little.id, much.id}
    assert found[little.id] == store.jobs.get(little.id)
    assert found[much.id].request == {}
    assert found[much.id].created_at == store.jobs.get(much.id).created_at  # type: ignore[union-attr]


def test_a_paused_queue_takes_jobs_and_gives_none(store: Ledger, client: redis.Redis) -> None:
    crew(store, 4)
    running = claim(store, accept(store))
    store.admission.set_queue_state("fake", QueueState.PAUSED)
    waiting = accept(store)
    assert store.line.take("fake") == []
    small(store)
    assert store.line.take("fake") == []
    assert queues(client, ["fake"])[0].state is QueueState.PAUSED
    assert store.leases.extend(Holder("w1", "d1"), "fake", {running.id: running.fence}) == {}
    store.admission.set_queue_state("fake", QueueState.OPEN)
    assert waiting.id in store.line.take("fake")
    assert client.get(redis_keys.queue_state("fake")) is None


@pytest.mark.parametrize("again", [False, True])
def test_a_draining_queue_takes_no_jobs_and_gives_what_it_has(store: Ledger, again: bool) -> None:
    crew(store, 4)
    waiting, ended = accept(store), accept(store)
    store.admission.cancel(ended.id)
    store.admission.set_queue_state("fake", QueueState.DRAINING)
    if again:
        refused = verdict(store.admission.retry(ended.id, owner="", longest_queue=9))
        assert store.jobs.get(ended.id).status is JobStatus.CANCELLED  # type: ignore[union-attr]
    else:
        refused = verdict(store.admission.submit(completion(), longest_queue=9))
    assert refused == "draining"
    assert store.line.take("fake") == [waiting.id]
