"""The sums of what workers have, on a real Redis: they hold whatever becomes of workers, and cost the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.ledger.line import TAKEN_AT_ONCE
from tasks.ledger.overview import Crew, crews, workers
from tests.integration.test_ledger import accept, append, claim
from tests.support.jobs import completion, verdict

FOR_LONG = 60.0


def report(store: Ledger, name: str, *, seconds: float = FOR_LONG, **figures: float) -> None:
    store.workers.report("fake", name, seconds, {"capacity": 2 * figures.get("slots", 0), **figures})


def crew(client: redis.Redis) -> Crew:
    return crews(client, ["fake"])["fake"]


def lapse(client: redis.Redis, name: str) -> None:
    """Have a worker be one that was not heard of in time."""
    client.zadd(redis_keys.workers("fake"), {name: 1.0})
    client.delete(redis_keys.worker(name))


def test_a_report_replaces_what_the_worker_has_reported_before(store: Ledger, client: redis.Redis) -> None:
    report(store, "w1", slots=4, busy=1)
    report(store, "w2", slots=8, busy=8, job_seconds=3.0, tokens_per_second=10.4)
    report(store, "w1", slots=4, busy=3, job_seconds=1.0, tokens_per_second=20.0)
    assert crew(client) == Crew(workers=2, slots=12, busy=11, tokens_per_second=30.0, job_seconds=2.0)


def test_a_worker_that_has_ended_no_job_tells_nothing_of_how_long_one_takes(store: Ledger, client: redis.Redis) -> None:
    report(store, "w1", slots=4, job_seconds=2.0)
    report(store, "w2", slots=4, job_seconds=0.0)
    assert crew(client).job_seconds == 2.0


def test_workers_that_stop_or_lapse_are_in_no_sum(store: Ledger, client: redis.Redis) -> None:
    for name in ("stops", "lapses", "is released", "lives"):
        report(store, name, slots=4, busy=2)
    store.workers.retire("fake", "stops")
    store.workers.release("fake", "is released")
    lapse(client, "lapses")
    store.line.sweep("fake")
    assert crew(client) == Crew(workers=1, slots=4, busy=2)
    store.workers.retire("fake", "lives")
    assert crew(client) == Crew()
    assert not client.keys(redis_keys.crew("*"))
    assert not client.keys(redis_keys.counted("*"))


def test_a_worker_that_stops_twice_is_subtracted_once(store: Ledger, client: redis.Redis) -> None:
    report(store, "w1", slots=4)
    report(store, "w2", slots=4)
    for _ in range(2):
        store.workers.retire("fake", "w1")
    assert crew(client) == Crew(workers=1, slots=4)


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_are_those_of_the_live_workers_whatever_happens(store: Ledger, client: redis.Redis, seed: int) -> None:
    chance, live = random.Random(seed), {}
    for _ in range(200):
        name = f"w{chance.randrange(20)}"
        match chance.choice(["report", "report", "report", "retire", "lapse", "release"]):
            case "report":
                live[name] = {"slots": chance.randrange(64), "busy": chance.randrange(64)}
                report(store, name, **live[name])
            case "retire":
                live.pop(name, None)
                store.workers.retire("fake", name)
            case "release":
                live.pop(name, None)
                store.workers.release("fake", name)
            case "lapse":
                if live.pop(name, None):
                    lapse(client, name)
    store.line.sweep("fake")
    expected = [sum(figures[of] for figures in live.values()) for of in ("slots", "busy")]
    found = crew(client)
    assert [found.workers, found.slots, found.busy] == [len(live), *expected]


def test_workers_of_the_release_before_are_counted_and_forgotten(store: Ledger, client: redis.Redis) -> None:
    def of_the_release_before(name: str) -> None:
        client.hset(redis_keys.worker(name), mapping={"model": "fake", "slots": 4, "capacity": 8})
        client.zadd(redis_keys.workers("fake"), {name: 4e9})

    jobs = [accept(store) for _ in range(3)]
    of_the_release_before("old")
    assert store.line.take("fake") == [job.id for job in jobs]
    report(store, "new", slots=2)
    assert crew(client) == Crew(workers=2, slots=6)
    client.zrem(redis_keys.workers("fake"), "new")  # as a script of that release does
    store.line.sweep("fake")
    assert crew(client) == Crew(workers=1, slots=4)


def test_a_name_that_serves_another_model_now_is_not_forgotten_there(store: Ledger, client: redis.Redis) -> None:
    report(store, "w1", slots=4)
    store.workers.report("other", "w1", FOR_LONG, {"slots": 2})
    client.zadd(redis_keys.workers("fake"), {"w1": 1.0})
    store.line.sweep("fake")
    assert crews(client, ["fake", "other"]) == {"fake": Crew(), "other": Crew(workers=1, slots=2)}
    assert [worker.slots for worker in workers(client, ["other"])] == [2]


def num_commands(client: redis.Redis, call: Callable[[], object]) -> int:
    """How many commands Redis carries out for a call, those of its scripts too."""

    def so_far() -> int:
        return sum(counts["calls"] for counts in client.info("commandstats").values())

    before = so_far()
    call()
    return so_far() - before


def test_to_take_costs_the_same_for_a_thousand_workers(store: Ledger, client: redis.Redis) -> None:
    report(store, "w0", slots=1)
    accept(store)
    store.line.take("fake")  # loads the script
    costs = []
    for name in range(1, 1001):
        if name in (1, 1000):
            accept(store)
            costs.append(num_commands(client, lambda: store.line.take("fake")))
        report(store, f"w{name}", slots=1)
    assert costs[0] == costs[1]


def test_one_call_takes_so_many_and_the_next_goes_on(store: Ledger) -> None:
    report(store, "w1", slots=200)
    jobs = [completion() for _ in range(2 * TAKEN_AT_ONCE + 3)]
    for job in jobs:
        assert verdict(store.admission.submit(job, longest_queue=1000)) == "accepted"
    taken = [store.line.take("fake") for _ in range(4)]
    assert [len(ids) for ids in taken] == [TAKEN_AT_ONCE, TAKEN_AT_ONCE, 3, 0]
    assert [job_id for ids in taken for job_id in ids] == [job.id for job in jobs]


def test_to_release_a_worker_costs_by_its_own_jobs_alone(store: Ledger, client: redis.Redis) -> None:
    costs = []
    for others in (1, 8, 80):
        for _ in range(others):
            claim(store, accept(store), worker="another")
        store.workers.release("fake", "w1")  # loads the script
        claim(store, accept(store), worker="w1")
        costs.append(num_commands(client, lambda: store.workers.release("fake", "w1")))
    assert costs[1] == costs[2]


def test_to_try_one_job_of_a_model_in_trouble_costs_the_same_beside_many_that_go_on(
    store: Ledger, client: redis.Redis
) -> None:
    costs = []
    for streaming in (1, 80):
        for _ in range(streaming):
            report(store, "w1", slots=200)
            job = claim(store, accept(store))
            append(store, job, 1)
        client.hset(redis_keys.trouble("fake"), mapping={"one": "died", "two": "died"})
        waiting = accept(store)
        client.delete(redis_keys.patience("fake"))
        costs.append(num_commands(client, lambda: store.line.take("fake")))
        store.admission.cancel(waiting.id)
    assert costs[0] == costs[1]
