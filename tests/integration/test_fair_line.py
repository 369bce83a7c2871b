"""Who is next, on a real Redis: owners by weight, what gives way, and what has waited for too long."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping

import pytest
import redis

from tasks import names
from tasks.job_store import Holder, JobStore
from tasks.jobs import Choice, Job, Outcome, Priority, Usage
from tests.integration.test_job_store import HOLDER, accept, append, claim, go_back, snapshot, status
from tests.support.jobs import completion, in_line

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


def crew(store: JobStore, capacity: int = 1, *, workers: int = 1) -> None:
    for number in range(workers):
        store.report("fake", f"w{number}", 60, {"slots": capacity, "capacity": capacity})


def queue(store: JobStore, owner: str, count: int, *, weight: float = 1.0, priority: Priority = NORMAL) -> list[Job]:
    jobs = [completion(owner=owner, weight=weight, priority=priority) for _ in range(count)]
    for job in jobs:
        assert store.submit(job, longest_queue=100_000).verdict == "accepted"
    return jobs


def succeed(store: JobStore, job_id: str, tokens: int, *, prompt: int = 0, cached: int = 0) -> Job:
    found = store.claim(job_id, HOLDER, model="fake", spare=False, call=job_id).job
    assert found is not None
    usage = Usage(prompt_tokens=prompt, completion_tokens=tokens, cached_tokens=cached)
    outcome = Outcome(choices=(Choice(index=0, text="", finish_reason="stop"),), usage=usage)
    assert store.succeed(HOLDER, found.id, found.fence, 0, outcome) == "ok"
    return found


def serve(store: JobStore, sizes: Mapping[str, int], turns: int) -> Counter[str]:
    """The tokens that owners had after so many jobs, one at a time, each owner's of one size or about it."""
    served: Counter[str] = Counter()
    rng = random.Random(1)
    for _ in range(turns):
        (job_id,) = store.take("fake")
        owner = str(store._redis.hget(names.job(job_id), "owner"))
        tokens = max(1, int(sizes[owner] * rng.uniform(0.5, 1.5)))
        succeed(store, job_id, tokens)
        served[owner] += tokens
    return served


def order(store: JobStore, turns: int, *, tokens: int = 100) -> str:
    """Whose jobs have their turns, one after the other."""
    owners = []
    for _ in range(turns):
        (job_id,) = store.take("fake")
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
def test_tokens_follow_the_weights_whatever_the_jobs_are_like(store: JobStore, sizes: Mapping[str, int]) -> None:
    crew(store)
    weights = {"a": 1.0, "b": 1.0, "c": 2.0, "d": 4.0}
    for owner, weight in weights.items():
        queue(store, owner, 800, weight=weight)
    served = serve(store, sizes, 800)
    assert all(0.9 < share < 1.1 for share in shares(served, weights))


def test_one_owners_jobs_keep_their_order(store: JobStore) -> None:
    crew(store, 3)
    jobs = queue(store, "a", 3)
    assert store.take("fake") == [job.id for job in jobs]


def test_an_owner_who_comes_late_is_next(store: JobStore) -> None:
    crew(store)
    queue(store, "a", 20)
    assert order(store, 5) == "aaaaa"
    queue(store, "b", 1)
    assert order(store, 3) == "baa"


def test_nothing_is_saved_up_by_having_no_jobs(store: JobStore) -> None:
    crew(store)
    queue(store, "a", 40)
    queue(store, "b", 1)
    order(store, 21)
    queue(store, "b", 19)
    assert 4 <= order(store, 10).count("b") <= 6


def test_nothing_is_gained_by_leaving_the_line_between_jobs(store: JobStore) -> None:
    crew(store)
    queue(store, "a", 20)
    had = ""
    for _ in range(10):
        queue(store, "b", 1)
        had += order(store, 2)
    assert had.count("b") == 10
    assert had.count("a") == 10


def test_several_at_once_are_charged_before_they_end(store: JobStore) -> None:
    queue(store, "a", 20)
    queue(store, "b", 20)
    crew(store, 10)
    taken = store.take("fake")
    owners = Counter(store._redis.hget(names.job(job_id), "owner") for job_id in taken)
    assert owners == {"a": 5, "b": 5}


def test_cached_tokens_cost_nothing(store: JobStore) -> None:
    crew(store)
    queue(store, "a", 30)
    queue(store, "b", 30)
    had: Counter[str] = Counter()
    for _ in range(40):
        (job_id,) = store.take("fake")
        cached = 300 if store._redis.hget(names.job(job_id), "owner") == "a" else 0
        had[succeed(store, job_id, 100, prompt=300, cached=cached).owner] += 1
    assert 3 < had["a"] / had["b"] < 5 or had["a"] == 30


@pytest.mark.parametrize("how", ["cancel", "fail"])
def test_who_cancels_at_the_last_token_has_had_the_tokens(store: JobStore, how: str) -> None:
    crew(store)
    queue(store, "a", 40)
    queue(store, "b", 40)
    had: Counter[str] = Counter()
    for _ in range(30):
        (job_id,) = store.take("fake")
        job = store.get(job_id)
        assert job is not None
        had[job.owner] += 1
        if job.owner == "b":
            succeed(store, job_id, 100)
            continue
        claimed = claim(store, job)
        append(store, claimed, 1, 400)
        if how == "cancel":
            store.cancel(job_id)
        else:
            store.fail(HOLDER, job_id, claimed.fence, 400, "{}")
    assert 2.5 < had["b"] / had["a"] < 6


def test_a_line_remembers_nothing_after_a_day(store: JobStore, client: redis.Redis) -> None:
    crew(store)
    queue(store, "a", 2)
    order(store, 2)
    assert 0 < int(client.ttl("caravan:fair:fake:normal")) <= 86400
    assert in_line(client) == set()
    assert client.keys("caravan:wait:*") == []


# -- places


def test_places_tell_the_order_in_which_owners_take_turns(store: JobStore) -> None:
    crew(store)
    weights = {"a": 1.0, "b": 1.0, "c": 3.0}
    jobs = [job for owner, weight in weights.items() for job in queue(store, owner, 12, weight=weight)]
    order(store, 9)
    waiting = [job for job in jobs if status(store, job) == "queued"]
    told = {job.id: store.place(job) for job in waiting}
    for turn in range(1, 13):
        (job_id,) = store.take("fake")
        succeed(store, job_id, 100)
        assert abs((told[job_id] or 0) - turn) <= 2


def test_more_urgent_lines_and_published_jobs_are_ahead(store: JobStore) -> None:
    low, normal, high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH))
    assert [store.place(job) for job in (high, normal, low)] == [1, 2, 3]
    crew(store)
    assert store.take("fake") == [high.id]
    assert [store.place(job) for job in (high, normal, low)] == [1, 2, 3]
    claim(store, high)
    assert [store.place(job) for job in (high, normal, low)] == [None, 1, 2]


# -- what is back


@pytest.mark.parametrize("how", ["given back", "unclaimed", "worker died"])
def test_a_job_whose_turn_has_come_does_not_wait_for_another(store: JobStore, how: str) -> None:
    crew(store)
    first, *_ = queue(store, "a", 10)
    queue(store, "b", 10)
    assert store.take("fake") == [first.id]
    if how == "unclaimed":
        store.unpublish("fake", [first.id])
    else:
        held = claim(store, first, "w1")
        if how == "given back":
            store.give_back({held.id: held.fence})
        else:
            store.release_worker("fake", "w1")
    assert store.place(first) == 1
    assert store.take("fake") == [first.id]
    succeed(store, first.id, 100)
    assert order(store, 4) == "baba"


def test_a_job_that_changes_its_priority_is_charged_in_its_new_line_alone(store: JobStore, client: redis.Redis) -> None:
    crew(store)
    job, other = queue(store, "a", 1)[0], queue(store, "a", 1)[0]
    assert store.take("fake") == [job.id]
    store.unpublish("fake", [job.id])
    before = client.zscore("caravan:wait:fake:normal", "a")
    store.reprioritise(job.id, LOW)
    after = client.zscore("caravan:wait:fake:normal", "a")
    assert after == (before or 0) - 100
    assert store.take("fake") == [other.id]
    succeed(store, other.id, 100)
    assert store.take("fake") == [job.id]
    assert in_line(client) == set()


def test_a_job_is_given_up_for_its_claims_but_not_for_giving_way(store: JobStore, client: redis.Redis) -> None:
    job = accept(store)
    for _ in range(120):
        held = claim(store, job)
        store.give_back({held.id: held.fence})
    assert status(store, job) == "queued"
    client.hset(names.job(job.id), "given_back", 20)
    assert store.claim(job.id, HOLDER, model="fake", spare=False, call="x").status == "failed"


# -- lines


def test_the_more_urgent_line_goes_first(store: JobStore) -> None:
    crew(store)
    low, normal, high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH))
    for job in (high, normal, low):
        assert store.take("fake") == [job.id]
        succeed(store, job.id, 1)


def running(store: JobStore, count: int, priority: Priority) -> list[Job]:
    jobs = [accept(store, priority=priority) for _ in range(count)]
    store.take("fake")
    return [claim(store, job) for job in jobs]


def test_urgent_jobs_find_room_where_low_ones_run(store: JobStore) -> None:
    crew(store, 3)
    held = running(store, 3, LOW)
    low, normal, *high = (accept(store, priority=priority) for priority in (LOW, NORMAL, HIGH, HIGH, HIGH))
    assert store.take("fake") == [job.id for job in high]
    assert store.take("fake") == []
    store.give_back({held[0].id: held[0].fence})
    claim(store, high[0])
    assert store.take("fake") == []
    store.cancel(high[0].id)
    assert store.take("fake") == [normal.id]
    assert store.place(low) is not None


@pytest.mark.parametrize("priority", [HIGH, NORMAL])
def test_none_but_low_jobs_give_way(store: JobStore, priority: Priority) -> None:
    crew(store, 2)
    running(store, 2, priority)
    accept(store, priority=HIGH)
    assert store.take("fake") == []


def test_a_line_without_a_turn_for_long_has_one(store: JobStore, client: redis.Redis) -> None:
    crew(store)
    low, normal = accept(store, priority=LOW), accept(store, priority=NORMAL)
    high = [accept(store, priority=HIGH) for _ in range(3)]
    assert store.take("fake") == [high[0].id]
    succeed(store, high[0].id, 1)
    for line in ("low", "normal"):
        client.hincrbyfloat(f"caravan:fair:fake:{line}", "turn_at", -31)
    for job in (normal, low, high[1]):
        assert store.take("fake") == [job.id]
        succeed(store, job.id, 1)


def test_a_line_that_was_empty_is_not_old_at_once(store: JobStore, client: redis.Redis) -> None:
    crew(store)
    accept(store, priority=LOW)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    (job_id,) = store.take("fake")
    succeed(store, job_id, 1)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    accept(store, priority=LOW)
    high = accept(store, priority=HIGH)
    assert store.take("fake") == [high.id]


def test_low_jobs_that_run_are_no_reason_for_others_to_start(store: JobStore, client: redis.Redis) -> None:
    crew(store, 2)
    running(store, 1, LOW)
    accept(store, priority=LOW)
    high = [accept(store, priority=HIGH) for _ in range(2)]
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.take("fake") == [job.id for job in high]


def test_a_job_that_came_by_age_is_spared_for_a_while(store: JobStore, client: redis.Redis) -> None:
    crew(store)
    low, high = accept(store, priority=LOW), accept(store, priority=HIGH)
    client.hincrbyfloat("caravan:fair:fake:low", "turn_at", -31)
    assert store.take("fake") == [low.id]
    held = claim(store, low)
    assert held.spared_seconds == 30
    assert store.take("fake") == []
    client.zadd("caravan:yield:fake", {low.id: 1})
    assert store.take("fake") == [high.id]
    store.give_back({held.id: held.fence})
    assert claim(store, low).spared_seconds == 0


def test_a_claim_that_redis_forgot_gives_way_again(store: JobStore, client: redis.Redis) -> None:
    queued = accept(store, priority=LOW)
    past = snapshot(client)
    job = claim(store, queued)
    go_back(client, past)
    assert store.extend(Holder("w1", "d1"), "fake", {job.id: job.fence}) == {}
    assert client.zscore("caravan:yield:fake", job.id)
