"""Who is next, on a real Redis: owners by weight, what gives way, and what has waited for too long."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job, Operation, Priority
from tasks.records.outcome import Choice, Outcome, Usage
from tests.integration.test_ledger import HOLDER, accept, append, claim, give_back, go_back, snapshot, status
from tests.support import endings
from tests.support.jobs import completion, in_line, verdict

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


def crew(store: Ledger, capacity: int = 1, *, workers: int = 1) -> None:
    for number in range(workers):
        store.workers.report("fake", f"w{number}", 60, {"slots": capacity, "capacity": capacity})


def queue(store: Ledger, owner: str, count: int, *, weight: float = 1.0, priority: Priority = NORMAL) -> list[Job]:
    jobs = [completion(owner=owner, weight=weight, priority=priority) for _ in range(count)]
    for job in jobs:
        assert verdict(store.admission.submit(job, longest_queue=100_000)) == "accepted"
    return jobs


def succeed(store: Ledger, job_id: str, tokens: int, *, prompt: int = 0, cached: int = 0) -> Job:
    found = store.leases.claim(job_id, HOLDER, model="fake", call=job_id).job
    assert found is not None
    usage = Usage(prompt_tokens=prompt, completion_tokens=tokens, cached_tokens=cached)
    outcome = Outcome(choices=(Choice(index=0, text="", finish_reason="stop"),), usage=usage)
    assert endings.succeed(store.leases, HOLDER, found.id, found.fence, 0, outcome) == "ok"
    return found


def serve(store: Ledger, sizes: Mapping[str, int], turns: int) -> Counter[str]:
    """The tokens that owners had after so many jobs, one at a time, each owner's of one size or about it."""
    served: Counter[str] = Counter()
    rng = random.Random(1)
    for _ in range(turns):
        (job_id,) = store.line.take("fake")
        owner = str(store.jobs._redis.hget(redis_keys.job(job_id), "owner"))
        tokens = max(1, int(sizes[owner] * rng.uniform(0.5, 1.5)))
        succeed(store, job_id, tokens)
        served[owner] += tokens
    return served


def order(store: Ledger, turns: int, *, tokens: int = 100) -> str:
    """Whose jobs have their turns, one after the other."""
    owners = []
    for _ in range(turns):
        (job_id,) = store.line.take("fake")
        owners.append(succeed(store, job_id, tokens).owner)
    return "".join(owners)


def shares(served: Mapping[str, int], weights: Mapping[str, float]) -> Iterable[float]:
    """What each owner had, over what its weight promises."""
    total, sum_of_weights = sum(served.values()), sum(weights.values())
    return [served[owner] / total * sum_of_weights / weight for owner, weight in weights.items()]


# -- owners


@pytest.mark.parametrize(
    "sizes",
    [
        {"a": 100, "b": 100, "c": 100, "d": 100},
        {"a": 400, "b": 10, "c": 60, "d": 25},
        {"a": 10, "b": 30, "c": 300, "d": 200},
    ],
)
def test_tokens_follow_the_weights_whatever_the_jobs_are_like(store: Ledger, sizes: Mapping[str, int]) -> None:
    crew(store)
    weights = {"a": 1.0, "b": 1.0, "c": 2.0, "d": 4.0}
    for owner, weight in weights.items():
        queue(store, owner, 800, weight=weight)
    served = serve(store, sizes, 800)
    assert all(0.9 < share < 1.1 for share in shares(served, weights))


def test_one_owners_jobs_keep_their_order(store: Ledger) -> None:
    crew(store, 3)
    jobs = queue(store, "a", 3)
    assert store.line.take("fake") == [job.id for job in jobs]


def test_an_owner_who_comes_late_is_next(store: Ledger) -> None:
    crew(store)
    queue(store, "a", 20)
    assert order(store, 5) == "aaaaa"
    queue(store, "b", 1)
    assert order(store, 3) == "baa"


def test_nothing_is_saved_up_by_having_no_jobs(store: Ledger) -> None:
    crew(store)
    queue(store, "a", 40)
    queue(store, "b", 1)
    order(store, 21)
    queue(store, "b", 19)
    assert 4 <= order(store, 10).count("b") <= 6


def test_nothing_is_gained_by_leaving_the_line_between_jobs(store: Ledger) -> None:
    crew(store)
    queue(store, "a", 20)
    had = ""
    for _ in range(10):
        queue(store, "b", 1)
        had += order(store, 2)
    assert had.count("b") == 10
    assert had.count("a") == 10


def test_several_at_once_are_charged_before_they_end(store: Ledger) -> None:
    queue(store, "a", 20)
    queue(store, "b", 20)
    crew(store, 10)
    taken = store.line.take("fake")
    owners = Counter(store.jobs._redis.hget(redis_keys.job(job_id), "owner") for job_id in taken)
    assert owners == {"a": 5, "b": 5}


def test_cached_tokens_cost_nothing(store: Ledger) -> None:
    crew(store)
    queue(store, "a", 30)
    queue(store, "b", 30)
    had: Counter[str] = Counter()
    for _ in range(40):
        (job_id,) = store.line.take("fake")
        cached = 300 if store.jobs._redis.hget(redis_keys.job(job_id), "owner") == "a" else 0
        had[succeed(store, job_id, 100, prompt=300, cached=cached).owner] += 1
    assert 3 < had["a"] / had["b"] < 5 or had["a"] == 30


@pytest.mark.parametrize("how", ["cancel", "fail"])
def test_who_cancels_at_the_last_token_has_had_the_tokens(store: Ledger, how: str) -> None:
    crew(store)
    queue(store, "a", 40)
    queue(store, "b", 40)
    had: Counter[str] = Counter()
    for _ in range(30):
        (job_id,) = store.line.take("fake")
        job = store.jobs.get(job_id)
        assert job is not None
        had[job.owner] += 1
        if job.owner == "b":
            succeed(store, job_id, 100)
            continue
        claimed = claim(store, job)
        append(store, claimed, 1, 400)
        if how == "cancel":
            store.admission.cancel(job_id)
        else:
            endings.fail(store.leases, HOLDER, job_id, claimed.fence, 400, "{}")
    assert 2.5 < had["b"] / had["a"] < 6


def test_a_line_remembers_nothing_after_a_day(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    queue(store, "a", 2)
    order(store, 2)
    assert 0 < int(client.ttl("caravan:fair:fake:normal")) <= 86400
    assert in_line(client) == set()
    assert client.keys("caravan:wait:*") == []


# -- places


def test_places_tell_the_order_in_which_owners_take_turns(store: Ledger) -> None:
    crew(store)
    weights = {"a": 1.0, "b": 1.0, "c": 3.0}
    jobs = [job for owner, weight in weights.items() for job in queue(store, owner, 12, weight=weight)]
    order(store, 9)
    waiting = [job for job in jobs if status(store, job) == "queued"]
    told = {job.id: store.jobs.standing(job).position for job in waiting}
    for turn in range(1, 13):
        (job_id,) = store.line.take("fake")
        succeed(store, job_id, 100)
        assert abs((told[job_id] or 0) - turn) <= 2


def test_more_urgent_lines_and_published_jobs_are_ahead(store: Ledger) -> None:
    low, normal, high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH))
    assert [store.jobs.standing(job).position for job in (high, normal, low)] == [1, 2, 3]
    crew(store)
    assert store.line.take("fake") == [high.id]
    assert [store.jobs.standing(job).position for job in (high, normal, low)] == [1, 2, 3]
    claim(store, high)
    assert [store.jobs.standing(job).position for job in (high, normal, low)] == [None, 1, 2]


# -- what is back


@pytest.mark.parametrize("how", ["given back", "unclaimed", "worker died"])
def test_a_job_whose_turn_has_come_does_not_wait_for_another(store: Ledger, how: str) -> None:
    crew(store)
    first, *_ = queue(store, "a", 10)
    queue(store, "b", 10)
    assert store.line.take("fake") == [first.id]
    if how == "unclaimed":
        store.line.unpublish("fake", [first.id])
    else:
        held = claim(store, first, "w1")
        if how == "given back":
            give_back(store, held)
        else:
            store.workers.release("fake", "w1")
    assert store.jobs.standing(first).position == 1
    assert store.line.take("fake") == [first.id]
    succeed(store, first.id, 100)
    assert order(store, 4) == "baba"


def test_a_job_that_changes_its_priority_is_charged_in_its_new_line_alone(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    job, other = queue(store, "a", 1)[0], queue(store, "a", 1)[0]
    assert store.line.take("fake") == [job.id]
    store.line.unpublish("fake", [job.id])
    before = client.zscore("caravan:wait:fake:normal", "a")
    store.admission.reprioritise(job.id, LOW)
    after = client.zscore("caravan:wait:fake:normal", "a")
    assert after == (before or 0) - 100
    assert store.line.take("fake") == [other.id]
    succeed(store, other.id, 100)
    assert store.line.take("fake") == [job.id]
    assert in_line(client) == set()


def test_a_job_is_given_up_for_its_claims_but_not_for_giving_way(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    for _ in range(120):
        held = claim(store, job)
        give_back(store, held)
    assert status(store, job) == "queued"
    client.hset(redis_keys.job(job.id), "given_back", 20)
    assert store.leases.claim(job.id, HOLDER, model="fake", call="x").status == "failed"


# -- lines


def test_the_more_urgent_line_goes_first(store: Ledger) -> None:
    crew(store)
    low, normal, high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH))
    for job in (high, normal, low):
        assert store.line.take("fake") == [job.id]
        succeed(store, job.id, 1)


def running(store: Ledger, count: int, priority: Priority) -> list[Job]:
    jobs = [accept(store, priority=priority) for _ in range(count)]
    store.line.take("fake")
    return [claim(store, job) for job in jobs]


def test_urgent_jobs_find_room_where_low_ones_run(store: Ledger) -> None:
    crew(store, 3)
    held = running(store, 3, LOW)
    low, normal, *high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH, HIGH, HIGH))
    assert store.line.take("fake") == [job.id for job in high]
    assert store.line.take("fake") == []
    give_back(store, held[0])
    claim(store, high[0])
    assert store.line.take("fake") == []
    store.admission.cancel(high[0].id)
    assert store.line.take("fake") == [normal.id]
    assert store.jobs.standing(low).position is not None


@pytest.mark.parametrize("priority", [HIGH, NORMAL])
def test_none_but_low_jobs_give_way(store: Ledger, priority: Priority) -> None:
    crew(store, 2)
    running(store, 2, priority)
    accept(store, priority=HIGH)
    assert store.line.take("fake") == []


def test_a_line_without_a_turn_for_long_has_one(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    low, normal = accept(store, priority=LOW), accept(store, priority=NORMAL)
    high = [accept(store, priority=HIGH) for _ in range(3)]
    assert store.line.take("fake") == [high[0].id]
    succeed(store, high[0].id, 1)
    for line in ("low", "normal"):
        client.hincrbyfloat(f"caravan:fair:fake:{line}", "turn_at", -31)
    for job in (normal, low, high[1]):
        assert store.line.take("fake") == [job.id]
        succeed(store, job.id, 1)


def test_a_line_that_was_empty_is_not_old_at_once(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    accept(store, priority=LOW)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    (job_id,) = store.line.take("fake")
    succeed(store, job_id, 1)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    accept(store, priority=LOW)
    high = accept(store, priority=HIGH)
    assert store.line.take("fake") == [high.id]


def test_low_jobs_that_run_are_no_reason_for_others_to_start(store: Ledger, client: redis.Redis) -> None:
    crew(store, 2)
    running(store, 1, LOW)
    accept(store, priority=LOW)
    high = [accept(store, priority=HIGH) for _ in range(2)]
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.line.take("fake") == [job.id for job in high]


def test_a_job_that_came_by_age_is_spared_for_a_while(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    low, high = accept(store, priority=LOW), accept(store, priority=HIGH)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.line.take("fake") == [low.id]
    held = claim(store, low)
    assert held.spared_seconds == 30
    assert store.line.take("fake") == []
    client.zadd("caravan:yield:fake", {low.id: 1})
    assert store.line.take("fake") == [high.id]
    give_back(store, held)
    assert claim(store, low).spared_seconds == 0


def test_a_claim_that_redis_forgot_gives_way_again(store: Ledger, client: redis.Redis) -> None:
    queued = accept(store, priority=LOW)
    past = snapshot(client)
    job = claim(store, queued)
    go_back(client, past)
    assert store.leases.extend(Holder("w1", "d1"), "fake", {job.id: job.fence}) == {}
    assert client.zscore("caravan:yield:fake", job.id)


# -- what an owner is charged with


def score(client: redis.Redis, owner: str, line: str = "normal") -> float:
    found = client.zscore(f"caravan:wait:fake:{line}", owner)
    assert found is not None
    return found


def test_the_difference_is_charged_at_the_end_by_weight(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    queue(store, "a", 3, weight=4.0)
    assert order(store, 1, tokens=1000) == "a"
    assert score(client, "a") == 250
    (job_id,) = store.line.take("fake")
    assert score(client, "a") == 500  # it is expected to be like the last one
    succeed(store, job_id, 400, prompt=100, cached=80)
    assert score(client, "a") == 250 + 105


def test_an_owner_is_charged_with_the_mean_of_its_own_jobs(store: Ledger) -> None:
    crew(store)
    queue(store, "a", 20)
    queue(store, "b", 20)
    for _ in range(12):
        (job_id,) = store.line.take("fake")
        succeed(store, job_id, {"a": 1000, "b": 100}[str(store.jobs._redis.hget(redis_keys.job(job_id), "owner"))])
    crew(store, 11)
    owners = Counter(store.jobs._redis.hget(redis_keys.job(job_id), "owner") for job_id in store.line.take("fake"))
    assert owners["b"] >= 9
    queue(store, "c", 1)
    crew(store, 12)
    (job_id,) = store.line.take("fake")
    assert (
        100 < float(store.jobs._redis.hget(redis_keys.job(job_id), "charged") or 0) < 1000
    )  # of whom nothing is known


def test_an_owner_with_one_job_at_a_time_starves_nobody(store: Ledger) -> None:
    """Some were overcharged, so that their lane is behind where the line has come to."""
    crew(store)
    queue(store, "w", 150)
    order(store, 20, tokens=5000)
    crew(store, 10)
    for job_id in store.line.take("fake"):
        succeed(store, job_id, 10)
    crew(store)
    had: Counter[str] = Counter()
    for _ in range(60):
        queue(store, "b", 1)
        (job_id,) = store.line.take("fake")
        had[succeed(store, job_id, 3000).owner] += 1
        while store.jobs._redis.zscore("caravan:wait:fake:normal", "b") and had["b"] > had["w"]:
            (job_id,) = store.line.take("fake")
            had[succeed(store, job_id, 3000).owner] += 1
    assert had["w"] > 20


def test_jobs_that_cost_nothing_take_turns(store: Ledger) -> None:
    crew(store)
    for owner in "ab":
        for _ in range(20):
            job = replace(completion(owner=owner), operation=Operation.TOKENIZE)
            assert verdict(store.admission.submit(job, longest_queue=100)) == "accepted"
    owners = []
    for _ in range(20):
        ids = store.line.take("fake")
        owners += [succeed(store, job_id, 0).owner for job_id in ids]
    assert owners[:32].count("b") >= 12


def test_a_request_counts_that_is_cancelled_before_it_is_answered(store: Ledger) -> None:
    crew(store)
    queue(store, "b", 100)
    queue(store, "a", 10)
    for _ in range(20):
        (job_id,) = store.line.take("fake")
        succeed(store, job_id, 10)
    for _ in range(100):
        assert verdict(store.admission.submit(completion("x" * 4000, owner="a"), longest_queue=1000)) == "accepted"
    had: Counter[str] = Counter()
    for _ in range(60):
        (job_id,) = store.line.take("fake")
        job = store.jobs.get(job_id)
        assert job is not None
        had[job.owner] += 1
        if job.owner == "b":
            succeed(store, job_id, 1000)
        else:
            claim(store, job)
            store.admission.cancel(job_id)
    assert 20 < had["b"] < 40


def test_a_job_that_was_never_begun_costs_next_to_nothing(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    first, *_ = queue(store, "a", 2)
    assert store.line.take("fake") == [first.id]
    assert score(client, "a") == 100
    store.admission.cancel(first.id)
    assert score(client, "a") == 1


@pytest.mark.parametrize("weight", [1e-18, 1e-307, 1e300])
def test_no_weight_breaks_the_line(store: Ledger, weight: float) -> None:
    crew(store)
    queue(store, "x", 1, weight=weight)
    order(store, 1)
    queue(store, "a", 10)
    queue(store, "b", 10)
    assert sorted(order(store, 10)) == [*"aaaaabbbbb"]


def test_a_retried_job_stands_in_its_owners_lane_and_is_charged_again(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    job, *_ = queue(store, "a", 3)
    assert store.line.take("fake") == [job.id]
    held = claim(store, job)
    endings.fail(store.leases, HOLDER, job.id, held.fence, 0, "{}")
    assert store.admission.retry(job.id, owner="", longest_queue=9) == "retried"
    assert store.jobs.standing(job).position == 3
    before = score(client, "a")
    order(store, 3)
    assert float(client.hget("caravan:fair:fake:normal", "start:a") or 0) > before + 150


def test_the_line_remembers_its_owners_while_somebody_waits(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    queue(store, "a", 2)
    fair = "caravan:fair:fake:normal"
    assert client.ttl(fair) == -1
    first, second = (store.line.take("fake"), None)
    assert client.ttl(fair) == -1
    succeed(store, first[0], 10)
    (second,) = store.line.take("fake")
    assert int(client.ttl(fair)) > 0
    client.delete(fair)
    succeed(store, second, 10)
    assert int(client.ttl(fair)) > 0


# -- charges that move


def test_the_charge_of_a_published_job_goes_along_with_it(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    job = queue(store, "a", 1)[0]
    queue(store, "a", 1, priority=HIGH)
    queue(store, "a", 1)
    store.admission.cancel(store.line.take("fake")[0])
    assert store.line.take("fake") == [job.id]
    before = score(client, "a")
    queue(store, "a", 1, priority=HIGH)
    high = score(client, "a", "high")
    store.admission.reprioritise(job.id, HIGH)
    charged = float(client.hget(redis_keys.job(job.id), "charged") or 0)
    assert (score(client, "a"), score(client, "a", "high")) == (before - charged, high + charged)
    succeed(store, job.id, 30)
    assert score(client, "a", "high") == high + 30


def test_the_same_priority_again_changes_nothing(store: Ledger) -> None:
    crew(store)
    job = queue(store, "a", 1)[0]
    assert store.line.take("fake") == [job.id]
    store.line.unpublish("fake", [job.id])
    queue(store, "b", 1)
    store.admission.reprioritise(job.id, NORMAL)
    assert store.jobs.standing(job).position == 1


def test_who_is_back_is_ahead_of_all_in_its_line(store: Ledger) -> None:
    crew(store)
    first, second = queue(store, "a", 2)
    store.line.take("fake")
    store.line.unpublish("fake", [first.id])
    assert [store.jobs.standing(job).position for job in (first, second)] == [1, 2]


def test_a_place_among_very_many_owners_is_estimated(store: Ledger) -> None:
    for number in range(250):
        queue(store, f"o{number:03}", 2)
    (last,) = queue(store, "z", 1)
    assert 200 < (store.jobs.standing(last).position or 0) <= 501


def test_a_claim_that_redis_forgot_is_charged(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    first, _ = queue(store, "a", 2)
    past = snapshot(client)
    store.line.take("fake")
    held = claim(store, first)
    go_back(client, past)
    assert store.leases.extend(HOLDER, "fake", {held.id: held.fence}) == {}
    assert score(client, "a") == 100


def test_what_redis_forgot_is_asked_for_before_a_job_goes_back(store: Ledger, client: redis.Redis) -> None:
    held = claim(store, accept(store))
    append(store, held, 1, 2)
    past = snapshot(client)
    append(store, held, 3, 2)
    go_back(client, past)
    assert give_back(store, held, 4) == "gap"
    append(store, held, 3, 2)
    assert give_back(store, held, 4) == "ok"
    assert give_back(store, held, 4) == "queued"


# -- age


def test_a_low_job_without_a_slot_is_no_reason_to_let_the_others_starve(store: Ledger, client: redis.Redis) -> None:
    crew(store, 2)
    waits = accept(store, priority=LOW)
    assert store.line.take("fake") == [waits.id]
    assert store.leases.claim(waits.id, HOLDER, model="fake", call="1", free_slots=0).job
    low, *high = accept(store, priority=LOW), accept(store, priority=HIGH), accept(store, priority=HIGH)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.line.take("fake") == [low.id]
    assert store.line.take("fake") == []
    held = store.jobs.get(waits.id)
    assert held is not None
    append(store, held, 1)  # now it has a slot, and gives way
    assert store.line.take("fake") == [high[0].id]


def test_low_jobs_find_no_room_where_low_ones_run(store: Ledger) -> None:
    crew(store)
    running(store, 1, LOW)
    accept(store, priority=LOW)
    assert store.line.take("fake") == []


def test_turns_by_age_go_round(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    for owner in "ab":
        queue(store, owner, 2, priority=LOW)
    queue(store, "c", 20, priority=HIGH)
    owners = []
    for _ in range(6):
        client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
        (job_id,) = store.line.take("fake")
        job = store.jobs.get(job_id)
        assert job is not None
        owners.append(job.owner)
        held = claim(store, job)
        append(store, held, 1, 50)
        assert give_back(store, held, 50) == "ok"
        assert store.jobs.get(store.line.take("fake")[0]).priority is HIGH  # type: ignore[union-attr]
        store.admission.cancel(str(store.jobs._redis.zrange("caravan:out:fake", 0, 0)[0]))
    assert sorted(owners) == [*"aaabbb"]


def test_what_was_paid_for_is_not_charged_twice(store: Ledger, client: redis.Redis) -> None:
    crew(store)
    low, _ = queue(store, "a", 2, priority=LOW)
    queue(store, "c", 1, priority=HIGH)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.line.take("fake") == [low.id]
    held = claim(store, low)
    append(store, held, 1, 50)
    give_back(store, held, 50)
    assert 50 < score(client, "a", "low") < 250  # its tokens, and a guess at those of its request
    store.admission.cancel(store.line.take("fake")[0])
    assert store.line.take("fake") == [low.id]
    succeed(store, low.id, 400)
    assert score(client, "a", "low") == 400


def test_who_gave_way_in_vain_too_often_is_spared(store: Ledger) -> None:
    job = accept(store, priority=LOW)
    spared = []
    for _ in range(5):
        held = claim(store, job)
        spared.append(held.spared_seconds > 0)
        assert store.leases.give_back(HOLDER, held.id, held.fence, 0, "outranked") == "ok"
    assert spared == [False, False, False, True, True]
    held = claim(store, job)
    append(store, held, 1)
    give_back(store, held, 1)
    assert claim(store, job).spared_seconds == 0


@pytest.mark.parametrize(("priority", "spare"), [(LOW, "1"), (NORMAL, "0"), (HIGH, "0")])
def test_who_takes_over_a_slot_has_one(store: Ledger, client: redis.Redis, priority: Priority, spare: str) -> None:
    job = accept(store, priority=priority)
    assert store.leases.claim(job.id, HOLDER, model="fake", call="1", free_slots=0, obtainable_slots=1).job
    assert client.hget(redis_keys.job(job.id), "spare") == spare


# -- beyond the room of the workers


def begin(store: Ledger, *job_ids: str) -> None:
    for job_id in job_ids:
        assert store.leases.claim(job_id, HOLDER, model="fake", call=job_id).job is not None


def test_an_owner_of_whom_nothing_runs_waits_for_no_room(store: Ledger) -> None:
    crew(store, 4)
    queue(store, "many", 20)
    begin(store, *store.line.take("fake"))
    jobs = queue(store, "one", 4)
    assert store.line.take("fake") == [job.id for job in jobs[:3]], "not as many as the other has"


def test_nobody_has_more_begun_because_it_waits(store: Ledger) -> None:
    crew(store, 4)
    queue(store, "many", 20)
    begin(store, *store.line.take("fake"))
    assert store.line.take("fake") == []


def test_an_owner_is_begun_for_behind_the_urgent_jobs_of_one_who_has_many(store: Ledger) -> None:
    crew(store, 2)
    queue(store, "many", 20, priority=HIGH)
    begin(store, *store.line.take("fake"))
    (chat,) = queue(store, "one", 1)
    assert store.line.take("fake") == [chat.id]


def test_a_low_job_waits_for_room(store: Ledger) -> None:
    crew(store, 2)
    queue(store, "many", 20)
    begin(store, *store.line.take("fake"))
    queue(store, "one", 1, priority=LOW)
    assert store.line.take("fake") == []


def test_the_weight_says_how_much_is_begun_beyond_the_room(store: Ledger) -> None:
    crew(store, 4)
    queue(store, "many", 20)
    begin(store, *store.line.take("fake"))
    jobs = queue(store, "one", 9, weight=3.0)
    assert store.line.take("fake") == [job.id for job in jobs[:4]], "no more than there are slots"


def test_what_ends_however_it_ends_is_not_counted_any_more(store: Ledger) -> None:
    crew(store, 4)
    jobs = queue(store, "many", 4)
    published = store.line.take("fake")
    counted = redis_keys.owners_begun("fake")
    assert store.jobs._redis.zscore(counted, "1.000 many") == 4
    store.admission.cancel(jobs[0].id)
    begin(store, *published[1:])
    store.admission.cancel(jobs[1].id)
    succeed_begun(store, jobs[2].id)
    assert store.jobs._redis.zscore(counted, "1.000 many") == 1
    store.admission.cancel(jobs[3].id)
    assert not store.jobs._redis.exists(counted)


def succeed_begun(store: Ledger, job_id: str) -> None:
    found = store.leases.claim(job_id, HOLDER, model="fake", call=job_id).job
    assert found is not None
    outcome = Outcome(
        choices=(Choice(index=0, text="", finish_reason="stop"),),
        usage=Usage(prompt_tokens=1, completion_tokens=1, cached_tokens=0),
    )
    assert endings.succeed(store.leases, HOLDER, found.id, found.fence, 0, outcome) == "ok"
