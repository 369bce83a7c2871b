"""The outbox of webhooks on a real Redis: every end of a job is in it, and leaves it by being delivered or given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job
from tasks.records.outcome import Delivery
from tasks.webhooks.outbox import Held, Outbox
from tests.integration.test_forget import bury, expire, fail
from tests.integration.test_ledger import HOLDER, OUTCOME, accept, claim, try_claim
from tests.support import endings

URL = "https://receiver.example/hook?token=secret"
ORIGIN = "https://receiver.example"
LEASE = 30.0

End = Callable[[Ledger, Job], object]


def succeed(store: Ledger, job: Job) -> None:
    held = claim(store, job)
    assert endings.succeed(store.leases, HOLDER, held.id, held.fence, 0, OUTCOME) == "ok"


def cancel_running(store: Ledger, job: Job) -> None:
    claim(store, job)
    store.admission.cancel(job.id)


def expire_at_claim(store: Ledger, job: Job) -> None:
    store.jobs._redis.zadd("caravan:due:fake", {job.id: 1})
    assert try_claim(store, job.id).status == "expired"


def too_many_claims(store: Ledger, job: Job) -> None:
    store.jobs._redis.hset(redis_keys.job(job.id), "claims", 100)
    assert try_claim(store, job.id).status == "failed"


ENDS: dict[str, tuple[End, str]] = {
    "succeeded": (succeed, "succeeded"),
    "failed": (fail, "failed"),
    "cancelled in the line": (lambda store, job: store.admission.cancel(job.id), "cancelled"),
    "cancelled while it ran": (cancel_running, "cancelled"),
    "expired in the sweep": (expire, "expired"),
    "expired at its claim": (expire_at_claim, "expired"),
    "a dead letter": (bury, "failed"),
    "a dead letter by claims": (too_many_claims, "failed"),
}


@pytest.fixture
def outbox(client: redis.Redis) -> Outbox:
    return box(client)


def box(client: redis.Redis, *, connections: int = 8, share: int = 4, **options: Any) -> Outbox:
    return Outbox(client, connections=connections, share=share, **{"unclaimed": 5.0, "lease": LEASE, **options})


def submit(store: Ledger, url: str = URL) -> Job:
    return accept(store, webhook=url, timeout_seconds=60.0, metadata={"a": "b"})


def ended(store: Ledger, count: int = 1, url: str = URL) -> list[Job]:
    jobs = [submit(store, url) for _ in range(count)]
    for job in jobs:
        store.admission.cancel(job.id)
    return jobs


def hold(outbox: Outbox, job: Job) -> Held:
    held = outbox.claim(job.id)
    assert held is not None
    return held


def delivery(store: Ledger, job: Job) -> Delivery:
    found = store.jobs.get(job.id)
    assert found is not None
    return found.delivery


def traces(client: redis.Redis) -> list[str]:
    return sorted(key for key in map(str, client.keys("*")) if key.startswith("caravan:hook"))


@pytest.mark.parametrize("end", ENDS)
def test_every_way_to_end_is_told(store: Ledger, outbox: Outbox, end: str) -> None:
    job, (bring, status) = submit(store), ENDS[end]
    assert outbox.post() == []
    bring(store, job)
    assert outbox.post() == [job.id]
    told = hold(outbox, job).fields
    found = store.jobs.get(job.id)
    assert found is not None
    assert (told["status"], told["webhook"], told["origin"]) == (status, URL, ORIGIN)
    assert (told["message"], told["metadata"]) == (f"msg_{job.id}_{found.fence}", '{"a":"b"}')
    assert abs(float(told["finished_at"]) - time.time()) < 5
    assert "request" not in told
    assert "outcome" not in told


@pytest.mark.parametrize("end", ENDS)
def test_a_job_without_a_webhook_leaves_nothing(store: Ledger, client: redis.Redis, end: str) -> None:
    ENDS[end][0](store, accept(store, timeout_seconds=60.0))
    assert traces(client) == []


def test_a_webhook_is_posted_once_and_claimed_once_however_often_its_message_comes(
    store: Ledger, outbox: Outbox
) -> None:
    (job,) = ended(store)
    assert outbox.claim(job.id) is None, "not posted yet"
    assert outbox.post() == [job.id]
    assert outbox.post() == []
    hold(outbox, job)
    assert outbox.claim(job.id) is None
    assert outbox.claim("none") is None


def test_what_is_delivered_leaves_nothing_but_a_note_in_the_record(
    store: Ledger, outbox: Outbox, client: redis.Redis
) -> None:
    (job,) = ended(store)
    assert delivery(store, job) == Delivery()
    outbox.post()
    assert outbox.settle(hold(outbox, job), "delivered", status=200)
    assert delivery(store, job) == Delivery(status="delivered", attempts=1, last_status=200)
    assert outbox.post() == []
    assert traces(client) == []


def test_what_is_not_taken_is_due_again_later_as_the_same_message(store: Ledger, outbox: Outbox) -> None:
    (job,) = ended(store)
    outbox.post()
    first = hold(outbox, job)
    assert outbox.settle(first, "pending", seconds=0.3, error="timeout")
    noted = delivery(store, job)
    assert (noted.status, noted.attempts, noted.last_error) == ("pending", 1, "timeout")
    assert noted.next_at is not None
    assert outbox.post() == []
    assert outbox.claim(job.id) is None, "a message that comes late sends nothing early"
    time.sleep(0.35)
    assert outbox.post() == [job.id]
    again = hold(outbox, job)
    assert (again.message_id, again.attempts) == (first.message_id, 1)
    assert outbox.settle(again, "failed", status=500)
    assert delivery(store, job) == Delivery(status="failed", attempts=2, last_status=500)


def test_a_message_that_got_lost_is_posted_again(store: Ledger, client: redis.Redis) -> None:
    outbox = box(client, unclaimed=0.1)
    (job,) = ended(store)
    assert outbox.post() == [job.id]
    time.sleep(0.15)
    assert outbox.post() == [job.id]
    hold(outbox, job)


def test_what_a_dead_clerk_held_is_due_when_its_lease_ends(store: Ledger, client: redis.Redis) -> None:
    outbox = box(client, lease=0.1)
    (job,) = ended(store)
    outbox.post()
    dead = hold(outbox, job)
    time.sleep(0.15)
    assert outbox.post() == [job.id]
    held = hold(outbox, job)
    assert (held.message_id, held.attempts) == (dead.message_id, 0)
    assert not outbox.settle(dead, "pending", seconds=9.0, status=500), "it is another's by now"
    assert outbox.settle(held, "delivered", status=200)


def test_what_was_delivered_is_so_though_the_lease_had_ended(store: Ledger, client: redis.Redis) -> None:
    outbox = box(client, lease=0.1)
    (job,) = ended(store)
    outbox.post()
    late = hold(outbox, job)
    time.sleep(0.15)
    outbox.post()
    held = hold(outbox, job)
    assert outbox.settle(late, "delivered", status=200)
    assert not outbox.settle(held, "pending", seconds=1.0, status=500)
    assert delivery(store, job).status == "delivered"
    assert outbox.post() == []
    assert traces(client) == []


def test_what_is_to_be_told_outlives_the_record(store: Ledger, outbox: Outbox, client: redis.Redis) -> None:
    (job,) = ended(store)
    outbox.post()
    outbox.settle(hold(outbox, job), "pending", seconds=0.1, status=503)
    client.delete(redis_keys.job(job.id))
    client.zadd("caravan:ended", dict.fromkeys(map(str, client.zrange("caravan:ended", 0, -1)), 1.0))
    assert store.line.tidy() == 1
    assert client.ttl(f"caravan:hook:{job.id}") == -1
    time.sleep(0.15)
    assert outbox.post() == [job.id]
    assert outbox.settle(hold(outbox, job), "delivered", status=200)
    assert client.exists(redis_keys.job(job.id)) == 0, "no record comes back to life by what is noted in it"
    assert traces(client) == []


def test_a_job_that_is_run_again_tells_of_its_new_end_and_no_more_of_the_old_one(
    store: Ledger, outbox: Outbox, client: redis.Redis
) -> None:
    (job,) = ended(store)
    outbox.post()
    old = hold(outbox, job)
    store.admission.retry(job.id, owner="", longest_queue=9)
    assert traces(client) == []
    assert not outbox.settle(old, "delivered", status=200)
    assert delivery(store, job) == Delivery()
    succeed(store, job)
    assert outbox.post() == [job.id]
    new = hold(outbox, job)
    assert new.message_id != old.message_id
    assert not outbox.settle(old, "delivered", status=200), "of its old end"
    assert (new.fields["status"], "error" in new.fields) == ("succeeded", False)
    assert outbox.settle(new, "delivered", status=200)


@pytest.mark.parametrize("moment", ["running", "waiting", "held"])
def test_a_job_that_is_forgotten_is_not_told_of(
    store: Ledger, outbox: Outbox, client: redis.Redis, moment: str
) -> None:
    job = submit(store)
    if moment != "running":
        store.admission.cancel(job.id)
    if moment == "held":
        outbox.post()
        hold(outbox, job)
    store.admission.forget(job.id)
    assert outbox.post() == []
    assert traces(client) == []


def test_a_receiver_has_its_share_and_the_others_have_the_rest(store: Ledger, client: redis.Redis) -> None:
    outbox = box(client, connections=6, share=4)
    slow = {job.id for job in ended(store, 50, "https://slow.example/a")}
    quick = {job.id for job in ended(store, 5, "https://quick.example/b")}
    posted = outbox.post()
    assert len(posted) == 6
    assert (len(slow & set(posted)), len(quick & set(posted))) == (4, 2)
    for job_id in quick & set(posted):
        held = outbox.claim(job_id)
        assert held is not None
        assert outbox.settle(held, "delivered", status=200)
    assert set(outbox.post()) <= quick, "there is room for others all the time"


def test_hundreds_of_webhooks_are_told_and_none_twice(store: Ledger, client: redis.Redis) -> None:
    outbox = box(client, connections=32, share=8)
    jobs = {job.id for number in range(10) for job in ended(store, 30, f"https://{number}.example/")}
    told: list[str] = []
    while posted := outbox.post():
        for job_id in posted:
            held = outbox.claim(job_id)
            assert held is not None
            told.append(job_id)
            outbox.settle(held, "delivered", status=200)
    assert sorted(told) == sorted(jobs)
    assert traces(client) == []


def test_the_outbox_works_while_the_memory_is_full(store: Ledger, outbox: Outbox, client: redis.Redis) -> None:
    job, other = submit(store), submit(store)
    claim(store, job)
    client.config_set("maxmemory", 1)
    try:
        store.admission.cancel(job.id)
        store.admission.cancel(other.id)
        assert set(outbox.post()) == {job.id, other.id}
        assert outbox.settle(hold(outbox, job), "delivered", status=200)
        assert outbox.settle(hold(outbox, other), "pending", seconds=0.0, status=500)
        assert outbox.post() == [other.id]
        assert outbox.settle(hold(outbox, other), "failed", status=500)
    finally:
        client.config_set("maxmemory", 0)
    assert delivery(store, job).status == "delivered"
    assert traces(client) == []
