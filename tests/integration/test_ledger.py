"""The ledger on a real Redis: every transition, its fence, and the indexes that it leaves."""

from __future__ import annotations

import json
import random
import time
import uuid
from dataclasses import replace
from typing import Any

import pytest
import redis

from tasks.errors import RecordTooNew
from tasks.ledger import dead_letters, event_stream, redis_keys
from tasks.ledger.admission import Cancelled, Idempotency, Submission
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.jobs import Wanted
from tasks.ledger.leases import WRITTEN, Append, Claim, Holder
from tasks.ledger.ledger import Ledger
from tasks.models.digest import told
from tasks.records.event import encode_token
from tasks.records.job import Job, JobStatus, Priority
from tasks.records.outcome import Choice, Outcome, Usage
from tests.support import endings
from tests.support.jobs import completion, in_line, verdict

OUTCOME = Outcome(
    choices=(Choice(index=0, text="upon", finish_reason="stop"),), usage=Usage(prompt_tokens=4, completion_tokens=1)
)
HOLDER = Holder("w1", "d1")
TOKEN = encode_token(index=0, text="upon", tokens=[7], finish_reason=None)


def accept(store: Ledger, job: Job | None = None, **options: Any) -> Job:
    job = job or completion(**options)
    assert verdict(store.admission.submit(job, longest_queue=100)) == "accepted"
    return job


def try_claim(store: Ledger, job_id: str, worker: str = "w1", call: str = "") -> Claim:
    return store.leases.claim(job_id, Holder(worker, "d1"), model="fake", call=call or uuid.uuid4().hex)


def claim(store: Ledger, job: Job, worker: str = "w1") -> Job:
    claimed = try_claim(store, job.id, worker).job
    assert claimed is not None
    return claimed


def status(store: Ledger, job: Job) -> JobStatus:
    found = store.jobs.get(job.id)
    assert found is not None
    return found.status


def give_back(store: Ledger, job: Job, num_events: int = 0) -> str:
    return store.leases.give_back(HOLDER, job.id, job.fence, num_events)


def give_back_by(store: Ledger, job: Job, worker: str) -> str:
    return store.leases.give_back(Holder(worker, "d1"), job.id, job.fence, 0)


def append(store: Ledger, job: Job, first: int, count: int = 1) -> str:
    said = store.leases.append(HOLDER, [Append(job.id, job.fence, first, [TOKEN] * count)])[0]
    return "ok" if said in WRITTEN else said


def kinds(client: redis.Redis, job: Job) -> list[str]:
    return [event.status or event.type for event in event_stream.look(client, job.id)[1]]


def snapshot(client: redis.Redis) -> dict[str, bytes]:
    """All that Redis holds."""
    return {key: value for key in map(str, client.keys("*")) if (value := client.dump(key)) is not None}


def go_back(client: redis.Redis, past: dict[str, bytes]) -> None:
    """As if Redis had lost what was written since."""
    client.flushdb()
    for key, value in past.items():
        client.restore(key, 0, value)


def test_an_accepted_job_is_queued_and_says_so_in_its_stream(store: Ledger, client: redis.Redis) -> None:
    job = accept(store, metadata={"a": "b"}, request_id="r1")
    found = store.jobs.get(job.id)
    assert found is not None
    assert (found.status, found.metadata, found.request_id) == (JobStatus.QUEUED, {"a": "b"}, "r1")
    assert found.request == job.request
    assert abs(found.created_at - time.time()) < 5
    assert kinds(client, job) == ["queued"]


def test_a_claim_raises_the_fence_and_is_the_first_event_under_it(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    before = store.jobs.get(job.id)
    claimed = claim(store, job)
    assert before is not None
    assert claimed.fence > before.fence
    assert (claimed.status, claimed.worker, claimed.attempt) == (JobStatus.RUNNING, "w1", 1)
    last = event_stream.look(client, job.id)[1][-1]
    assert (last.status, last.cursor.fence, last.cursor.seq) == ("running", claimed.fence, 0)


def test_a_job_is_claimed_once_however_often_its_message_comes(store: Ledger) -> None:
    job = accept(store)
    claim(store, job)
    again = try_claim(store, job.id, "w2")
    assert (again.job, again.status) == (None, "running")


def test_a_claim_whose_reply_was_lost_is_given_again(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    first, again = (try_claim(store, job.id, call="the same").job for _ in range(2))
    assert first == again
    assert first is not None
    assert first.attempt == 1
    assert kinds(client, job) == ["queued", "running"]


def test_a_job_on_another_models_queue_is_not_claimed(store: Ledger) -> None:
    job = accept(store)
    claimed = store.leases.claim(job.id, HOLDER, model="demo", call="1")
    assert claimed.status == "unknown"
    assert status(store, job) is JobStatus.QUEUED


def test_a_redis_that_takes_no_writes_counts_as_away(store: Ledger, client: redis.Redis) -> None:
    client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(UNAVAILABLE):
            store.admission.submit(completion(), longest_queue=9)
    finally:
        client.config_set("min-replicas-to-write", 0)


@pytest.mark.parametrize("job_id", ["none", ""])
def test_a_message_of_an_unknown_job_is_dropped(store: Ledger, job_id: str) -> None:
    assert try_claim(store, job_id).status == "unknown"


def test_a_record_of_a_newer_version_is_left_alone_and_not_told_to_be_gone(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    client.hset(redis_keys.job(job.id), "v", "99")
    assert try_claim(store, job.id).status == "unknown"
    for ask in (lambda: store.jobs.get(job.id), lambda: store.jobs.get_many([job.id])):
        with pytest.raises(RecordTooNew):
            ask()


@pytest.mark.parametrize("version", ["0", "one"])
def test_a_record_of_a_version_that_nobody_reads_any_more_is_not_there(
    store: Ledger, client: redis.Redis, version: str
) -> None:
    job = accept(store)
    client.hset(redis_keys.job(job.id), "v", version)
    assert try_claim(store, job.id).status == "unknown"
    assert store.jobs.get(job.id) is None


def test_appends_are_numbered_and_a_repeated_one_adds_only_what_is_missing(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    assert append(store, job, 1, 2) == "ok"
    assert append(store, job, 1, 3) == "ok"
    assert append(store, job, 5) == "gap"
    assert [e.cursor.seq for e in event_stream.read(client, job.id) if e.type == "token"] == [1, 2, 3]


def test_appends_for_many_jobs_are_judged_one_by_one(store: Ledger) -> None:
    mine, lost = claim(store, accept(store)), claim(store, accept(store))
    store.admission.cancel(lost.id)
    parts = [Append(job.id, job.fence, 1, [TOKEN]) for job in (mine, lost)]
    assert store.leases.append(HOLDER, parts) == ["unread", "cancelled"]


def test_a_stale_worker_can_neither_append_nor_finish(store: Ledger, client: redis.Redis) -> None:
    stale = claim(store, accept(store))
    store.workers.release("fake", "w1", reason="crashed")
    fresh = claim(store, stale, "w2")
    assert append(store, stale, 1) == "running"
    assert endings.succeed(store.leases, HOLDER, stale.id, stale.fence, 0, OUTCOME) == "running"
    assert store.leases.extend(HOLDER, "fake", {stale.id: stale.fence}) == {stale.id: "running"}
    assert give_back(store, stale) != "ok"
    assert append(store, fresh, 1) == "ok"
    assert endings.succeed(store.leases, HOLDER, fresh.id, fresh.fence, 0, OUTCOME) == "ok"
    assert kinds(client, fresh) == ["queued", "running", "queued", "running", "token", "succeeded"]


def test_finishing_twice_after_a_lost_reply_is_one_end(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    assert endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME) == "ok"
    assert endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME) == "ok"
    assert kinds(client, job) == ["queued", "running", "succeeded"]
    found = store.jobs.get(job.id)
    assert found is not None
    assert found.outcome == OUTCOME


def test_a_failed_job_keeps_its_error(store: Ledger) -> None:
    job = claim(store, accept(store))
    endings.fail(store.leases, HOLDER, job.id, job.fence, 0, json.dumps({"message": "no", "code": "engine_failure"}))
    found = store.jobs.get(job.id)
    assert found is not None
    assert (found.status, found.error) == (JobStatus.FAILED, {"message": "no", "code": "engine_failure"})


def test_cancelling_a_queued_job_keeps_it_from_ever_starting(store: Ledger) -> None:
    job = accept(store)
    assert store.admission.cancel(job.id) == Cancelled("fake", JobStatus.QUEUED, 0)
    assert try_claim(store, job.id).status == "cancelled"
    assert store.admission.cancel(job.id) is JobStatus.CANCELLED


def test_a_job_of_another_owner_cannot_be_cancelled(store: Ledger) -> None:
    job = accept(store)
    assert store.admission.cancel(job.id, owner="else") is None
    assert status(store, job) is JobStatus.QUEUED


def test_cancelling_a_running_job_rings_the_bell(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(redis_keys.control_channel("fake"))
        pubsub.get_message(timeout=1)
        assert store.admission.cancel(job.id) == Cancelled("fake", JobStatus.RUNNING, 0)
        message = pubsub.get_message(timeout=2) or pubsub.get_message(timeout=2)
    assert message["data"] == job.id


def test_the_stream_tells_who_began_a_job_and_why_it_waits_again(store: Ledger, client: redis.Redis) -> None:
    begun = claim(store, accept(store))
    store.workers.release("fake", "w1", reason="killed")
    again = claim(store, begun, "w2")
    assert give_back_by(store, again, "w2") == "ok"
    told = [(event.status, event.worker, event.reason) for event in event_stream.read(client, begun.id)]
    assert told == [
        ("queued", "", ""), ("running", "w1", ""), ("queued", "", "killed"), ("running", "w2", ""),
        ("queued", "", "drained"),
    ]  # fmt: skip
    now, *_ = client.time()
    assert all(abs(event.cursor.at - now) < 60 for event in event_stream.read(client, begun.id))


def test_a_job_that_is_given_back_takes_its_old_place(store: Ledger) -> None:
    first, second, third = (accept(store) for _ in range(3))
    claimed = claim(store, first)
    assert give_back(store, claimed) == "ok"
    assert [store.jobs.standing(job).position for job in (first, second, third)] == [1, 2, 3]


def test_a_job_whose_worker_died_three_times_without_a_token_goes_to_the_dead_letters(
    store: Ledger, client: redis.Redis
) -> None:
    job = accept(store)
    for attempt in range(3):
        assert claim(store, job).suspect is (attempt == 2)
        if attempt == 2:
            store.workers.begin_trial("w1", job.id)
        store.workers.release("fake", "w1", reason="crashed")
    found = store.jobs.get(job.id)
    assert found is not None
    assert found.status is JobStatus.FAILED
    assert found.error is not None
    assert found.error["code"] == "worker_died"
    assert found.error["message"].startswith("3 workers died")
    assert [death["alone"] for death in found.deaths] == [False, False, True]
    assert dead_letters.page(client, ["none", "fake"], count=9) == [job.id]


def test_a_suspect_is_not_blamed_before_it_is_tried(store: Ledger) -> None:
    job = accept(store)
    for _ in range(10):
        claim(store, job)
        store.workers.release("fake", "w1", reason="crashed")
    assert status(store, job) is JobStatus.QUEUED


def test_a_job_without_a_slot_is_spared_three_times(store: Ledger) -> None:
    job = accept(store)
    fails = []
    for number in range(5):
        given = store.leases.claim(job.id, HOLDER, model="fake", free_slots=0, call=str(number)).job
        assert given is not None
        fails.append(given.crashes)
        store.workers.release("fake", "w1", reason="crashed")
    assert fails == [0, 0, 0, 0, 1]


def test_a_job_whose_model_changed_fails_once_it_has_tokens(store: Ledger) -> None:
    fresh, begun = accept(store), accept(store)
    claim(store, fresh)
    append(store, claim(store, begun), 1)
    store.workers.release("fake", "w1", reason="crashed")

    def claim_with_another(job: Job) -> Claim:
        return store.leases.claim(job.id, Holder("w2", "d2"), model="fake", call=job.id)

    assert claim_with_another(fresh).job is not None
    assert claim_with_another(begun).status == "failed"
    found = store.jobs.get(begun.id)
    assert found is not None
    assert found.error is not None
    assert found.error["code"] == "model_changed"


def adapted(*names: str) -> Job:
    return replace(completion(), request={**completion().request, "adapters": [[name, 1.0] for name in names]})


def test_a_job_goes_on_only_where_its_adapters_are_the_same(store: Ledger) -> None:
    begun, base = accept(store, adapted("a.b")), accept(store)
    before = Holder("w1", told("d1", {"a.b": "x", "b": "y"}))

    def claim_by(holder: Holder, job: Job) -> Claim:
        return store.leases.claim(job.id, holder, model="fake", call=f"{holder}{job.id}")

    for job in (begun, base):
        held = claim_by(before, job).job
        assert held is not None
        append(store, held, 1)
    store.workers.release("fake", "w1", reason="crashed")
    assert claim_by(Holder("w2", told("d1", {"a.b": "x", "b": "z"})), begun).job is not None, "b is none of its"
    store.workers.release("fake", "w2", reason="crashed")
    after = Holder("w3", told("d1", {"a.b": "other"}))
    assert claim_by(after, base).job is not None
    assert claim_by(after, begun).status == "failed"
    found = store.jobs.get(begun.id)
    assert found is not None
    assert found.error is not None
    assert found.error["code"] == "model_changed"
    assert "or of its adapter" in found.error["message"]


def test_a_job_is_left_to_workers_that_have_its_adapter_and_fails_when_none_comes(
    store: Ledger, client: redis.Redis
) -> None:
    job = accept(store, adapted("a"))
    lacks, has = Holder("w1", told("d1", {"ab": "x"})), Holder("w2", told("d1", {"a": "x"}))

    def claim_by(holder: Holder, call: int) -> Claim:
        client.zrem(redis_keys.delayed(), job.id)  # its turn has come again
        return store.leases.claim(job.id, holder, model="fake", call=str(call))

    assert claim_by(lacks, 0).status == "unknown"
    assert status(store, job) is JobStatus.QUEUED
    held = claim_by(has, 1).job
    assert held is not None
    assert held.adapters == (("a", 1.0),)
    store.workers.release("fake", "w2", reason="crashed")
    assert {claim_by(lacks, 2 + number).status for number in range(10)} == {"unknown"}
    assert claim_by(lacks, 20).status == "failed"
    found = store.jobs.get(job.id)
    assert found is not None
    assert found.error is not None
    assert found.error["code"] == "adapter_missing"


def test_what_redis_forgot_of_a_claim_its_worker_writes_again(store: Ledger, client: redis.Redis) -> None:
    held = claim(store, accept(store))
    past = snapshot(client)
    assert append(store, held, 1, 3) == "ok"
    go_back(client, past)
    assert append(store, held, 4) == "gap"
    assert append(store, held, 1, 4) == "ok"
    assert [e.cursor.seq for e in event_stream.read(client, held.id) if e.type == "token"] == [1, 2, 3, 4]


@pytest.mark.parametrize("call", ["append", "extend"])
def test_a_claim_that_redis_forgot_is_held_again(store: Ledger, client: redis.Redis, call: str) -> None:
    job = accept(store)
    past = snapshot(client)
    held = claim(store, job)
    go_back(client, past)
    assert status(store, job) is JobStatus.QUEUED
    if call == "append":
        assert append(store, held, 1) == "ok"
    else:
        assert store.leases.extend(HOLDER, "fake", {held.id: held.fence}) == {}
    assert status(store, job) is JobStatus.RUNNING
    assert store.jobs.standing(job).position is None
    _check_indexes(store, client, [job])
    append(store, held, 1)
    give_back(store, held)
    again = claim(store, job, "w2")
    assert again.attempt == 2, "so that what was sent is taken up"


def test_a_job_does_not_end_with_a_hole_in_its_stream(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    before_claim = snapshot(client)
    held = claim(store, job)
    append(store, held, 1)
    before_more = snapshot(client)
    append(store, held, 2, 3)
    for past in (before_more, before_claim):
        go_back(client, past)
        assert endings.succeed(store.leases, HOLDER, held.id, held.fence, 4, OUTCOME) == "gap"
        assert endings.put_off(store.leases, HOLDER, held.id, held.fence, 4, "{}", seconds=1) == "gap"
        assert append(store, held, 1, 4) == "ok"
        assert endings.succeed(store.leases, HOLDER, held.id, held.fence, 4, OUTCOME) == "ok"


def test_the_trial_of_another_model_is_left_to_its_sweep(store: Ledger) -> None:
    suspect = claim(store, accept(store))
    store.workers.begin_trial("w1", suspect.id)
    store.workers.release("demo", "w1")
    time.sleep(0.5)
    store.line.sweep("fake")
    found = store.jobs.get(suspect.id)
    assert found is not None
    assert [death["alone"] for death in found.deaths] == [True]
    store.workers.release("demo", "w1")
    other = claim(store, accept(store))
    store.workers.release("fake", "w1", reason="crashed")
    blamed = store.jobs.get(other.id)
    assert blamed is not None
    assert blamed.crashes == 1


def test_a_claim_that_redis_forgot_and_gave_to_another_stays_with_the_other(store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    past = snapshot(client)
    first = claim(store, job)
    go_back(client, past)
    second = claim(store, job, "w2")
    assert append(store, first, 1) == "running"
    assert append(store, second, 1) == "ok"


def test_a_failure_of_the_servers_is_put_off_and_tried_again(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    assert endings.put_off(store.leases, HOLDER, job.id, job.fence, 0, "{}", seconds=0.2) == "ok"
    assert endings.put_off(store.leases, HOLDER, job.id, job.fence, 0, "{}", seconds=0.2) == "ok"
    assert (
        endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME) == "ok"
    )  # the reply to a call of ours that was lost
    assert status(store, job) is JobStatus.QUEUED
    assert try_claim(store, job.id).status == "queued", "a message that comes too early"
    time.sleep(0.3)
    assert try_claim(store, job.id).job is not None
    assert client.zcard("caravan:delayed") == 0


def test_what_was_put_off_comes_back_to_the_line(store: Ledger, client: redis.Redis) -> None:
    job = claim(store, accept(store))
    endings.put_off(store.leases, HOLDER, job.id, job.fence, 0, "{}", seconds=0.2)
    assert store.jobs.standing(job).position is None
    time.sleep(0.3)
    store.line.tidy()
    assert store.jobs.standing(job).position == 1
    _check_indexes(store, client, [job])


@pytest.mark.parametrize("end", ["fail", "cancel", "expire"])
def test_a_job_that_ended_without_success_is_run_again_from_its_beginning(
    store: Ledger, client: redis.Redis, end: str
) -> None:
    job = claim(store, accept(store, timeout_seconds=0.3 if end == "expire" else None))
    append(store, job, 1)
    if end == "fail":
        endings.fail(store.leases, HOLDER, job.id, job.fence, 0, "{}")
    elif end == "cancel":
        store.admission.cancel(job.id)
    else:
        time.sleep(0.4)
        store.line.sweep("fake")
    again = store.admission.retry(job.id, owner="", longest_queue=9)
    assert again == "retried"
    assert kinds(client, job) == ["queued"]
    found = store.jobs.get(job.id)
    assert found is not None
    assert (found.status, found.error, found.attempt, found.finished_at) == (JobStatus.QUEUED, None, 0, None)
    assert client.ttl(redis_keys.job(job.id)) == -1
    _check_indexes(store, client, [job])


def test_only_what_ended_without_success_is_run_again(store: Ledger) -> None:
    def retry(job: Job, owner: str = "local", longest: int = 9) -> str:
        return verdict(store.admission.retry(job.id, owner=owner, longest_queue=longest))

    job = accept(store)
    assert retry(job) == "queued"
    job = claim(store, job)
    assert retry(job) == "running"
    endings.fail(store.leases, HOLDER, job.id, job.fence, 0, "{}")
    assert retry(job, owner="another") == "unknown"
    accept(store)
    assert retry(job, longest=1) == "full"
    assert retry(job) == "retried"
    job = claim(store, job)
    endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME)
    assert retry(job) == "succeeded"
    assert retry(completion()) == "unknown"


def test_everything_a_job_left_goes_when_its_result_expires(client: redis.Redis) -> None:
    store = Ledger.over(client, result_ttl=1, lease_seconds=9, unclaimed_seconds=9, ageing_seconds=9)
    job, dead = completion(), completion()
    for each in (job, dead):
        store.admission.submit(each, longest_queue=9, idempotency=Idempotency(each.id, "x"))
    append(store, claim(store, job), 1)
    store.admission.cancel(job.id)
    for _ in range(3):
        claim(store, dead)
        store.workers.begin_trial("w1", dead.id)
        store.workers.release("fake", "w1", reason="crashed")
    assert status(store, dead) is JobStatus.FAILED
    time.sleep(1.2)
    store.line.tidy()
    left = set(client.keys("caravan:*")) - {"caravan:fair:fake:normal", "caravan:lanes:fake"}
    counted = {redis_keys.totals("fake"), redis_keys.counters("fake")}
    assert left == {redis_keys.queued_by_priority("fake"), redis_keys.models(), *counted}


def test_full_memory_refuses_new_jobs_and_lets_accepted_ones_end(store: Ledger, client: redis.Redis) -> None:
    waiting, job = accept(store), claim(store, accept(store))
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(UNAVAILABLE):
            store.admission.submit(completion(), longest_queue=9)
        assert append(store, job, 1) == "ok"
        assert store.leases.extend(HOLDER, "fake", {job.id: job.fence}) == {}
        assert endings.succeed(store.leases, HOLDER, job.id, job.fence, 0, OUTCOME) == "ok"
        store.workers.report("fake", "w1", 60, {"capacity": 6})
        assert store.line.take("fake") == [waiting.id]
        waiting = claim(store, waiting)
        assert verdict(store.admission.cancel(waiting.id)) == "cancelled"
        store.line.sweep("fake")
        store.line.tidy()
    finally:
        client.config_set("maxmemory", 0)


def test_a_new_token_clears_the_blame(store: Ledger) -> None:
    job = accept(store)
    for _ in range(5):
        claimed = claim(store, job)
        append(store, claimed, 1)
        store.workers.release("fake", "w1", reason="crashed")
    assert status(store, job) is JobStatus.QUEUED


def test_a_worker_releases_only_its_earlier_self(store: Ledger) -> None:
    mine, other = accept(store), accept(store)
    claim(store, mine, "w1")
    claim(store, other, "w2")
    assert store.workers.release("fake", "w1", reason="crashed").reclaimed == 1
    assert status(store, other) is JobStatus.RUNNING


def test_the_sweep_gives_back_expired_leases_and_unclaimed_messages(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    crash, lost = accept(store), accept(store)
    assert store.line.take("fake") == [crash.id, lost.id]
    claim(store, crash)
    assert (store.line.sweep("fake").reclaimed, store.line.sweep("fake").unclaimed) == (0, 0)
    time.sleep(0.5)
    swept = store.line.sweep("fake")
    assert (swept.reclaimed, swept.unclaimed) == (1, 1)
    assert store.jobs.standing(crash).position == 1
    assert store.jobs.standing(lost).position == 2


def test_an_extended_lease_is_not_swept(store: Ledger) -> None:
    job = claim(store, accept(store))
    for _ in range(4):
        time.sleep(0.2)
        assert store.leases.extend(HOLDER, "fake", {job.id: job.fence}) == {}
        assert store.line.sweep("fake").reclaimed == 0


def test_a_deadline_ends_a_job_whether_it_waits_or_runs(store: Ledger) -> None:
    waiting, running = (accept(store, timeout_seconds=1.0) for _ in range(2))
    claim(store, running)
    time.sleep(1.1)
    assert set(store.line.sweep("fake").ended) == {waiting.id, running.id}
    assert status(store, waiting) is status(store, running) is JobStatus.EXPIRED


def test_a_job_that_is_late_when_it_is_claimed_expires(store: Ledger) -> None:
    job = accept(store, timeout_seconds=0.1)
    time.sleep(0.2)
    assert try_claim(store, job.id).status == "expired"


def test_nothing_is_published_for_a_model_without_workers(store: Ledger) -> None:
    accept(store)
    assert store.line.take("fake") == []


def test_as_many_jobs_are_published_as_live_workers_have_room_for(store: Ledger) -> None:
    jobs = [accept(store) for _ in range(8)]
    store.workers.report("fake", "w1", 60, {"capacity": 2})
    store.workers.report("fake", "w2", 60, {"capacity": 3})
    taken = store.line.take("fake")
    assert taken == [job.id for job in jobs[:5]]
    assert store.line.take("fake") == []
    claimed = claim(store, jobs[0])
    endings.succeed(store.leases, HOLDER, claimed.id, claimed.fence, 0, OUTCOME)
    assert store.line.take("fake") == [jobs[5].id]
    store.workers.retire("fake", "w1")
    assert store.line.take("fake") == []


def test_a_full_queue_refuses_and_records_nothing(store: Ledger) -> None:
    jobs = [completion() for _ in range(3)]
    verdicts = [verdict(store.admission.submit(job, longest_queue=2)) for job in jobs]
    assert verdicts == ["accepted", "accepted", "full"]
    assert store.jobs.get(jobs[2].id) is None


def test_an_idempotency_key_stands_for_one_job_of_one_owner(store: Ledger) -> None:
    first, second, other = completion(), completion(), completion(owner="else")
    key = Idempotency("k", "digest")
    assert verdict(store.admission.submit(first, longest_queue=9, idempotency=key)) == "accepted"
    again = store.admission.submit(second, longest_queue=9, idempotency=key)
    assert again == Submission("known", first.id)
    assert verdict(store.admission.submit(second, longest_queue=9, idempotency=Idempotency("k", "else"))) == "reused"
    assert verdict(store.admission.submit(other, longest_queue=9, idempotency=key)) == "accepted"


def test_an_ended_job_leaves_every_index_and_expires_with_its_stream(store: Ledger, client: redis.Redis) -> None:
    jobs = [accept(store, timeout_seconds=60) for _ in range(4)]
    finished, failed = claim(store, jobs[0]), claim(store, jobs[1])
    endings.succeed(store.leases, HOLDER, finished.id, finished.fence, 0, OUTCOME)
    endings.fail(store.leases, HOLDER, failed.id, failed.fence, 0, "{}")
    claim(store, jobs[2])
    store.admission.cancel(jobs[2].id)
    store.admission.cancel(jobs[3].id)
    for kind in ("wait", "out", "run", "pend", "due"):
        assert client.zcard(f"caravan:{kind}:fake") == 0
    for job in jobs:
        assert 0 < client.ttl(redis_keys.job(job.id)) <= 86_400
        assert 0 < client.ttl(redis_keys.log(job.id)) <= 86_400
    assert client.hgetall(redis_keys.queued_by_priority("fake")) == {"normal": "0"}


def test_an_owners_jobs_are_listed_newest_first(store: Ledger) -> None:
    oldest, newest = accept(store), accept(store)
    assert store.jobs.find("local", Wanted(), limit=10) == ([newest.id, oldest.id], None)
    assert store.jobs.find("local", Wanted(), limit=1) == ([newest.id], newest.id)
    assert store.jobs.find("local", Wanted(), after=newest.id, limit=1) == ([oldest.id], None)
    assert store.jobs.find("local", Wanted(), after=oldest.id, limit=1) == ([], None)
    for other in ("none", ""):
        assert store.jobs.find(other, Wanted(), limit=1) == ([], None)
    with pytest.raises(LookupError):
        store.jobs.find("local", Wanted(), after="none", limit=1)


def test_jobs_of_many_owners_are_listed_as_one_list(store: Ledger) -> None:
    jobs = [accept(store, owner=owner, metadata={"row": str(row)}) for row, owner in enumerate("abcabca")]
    newest = [job.id for job in reversed(jobs)]
    seen, after = [], None
    while page := store.jobs.find_of(["a", "b", "c", "none"], Wanted(), after=after, limit=2):
        seen += page.ids
        if (after := page.last) is None:
            break
    assert seen == newest
    assert store.jobs.find_of(["a", "b"], Wanted(metadata={"row": "3"}), limit=9) == ([jobs[3].id], None)
    assert store.jobs.find_of([], Wanted(), limit=9) == ([], None)
    with pytest.raises(LookupError):
        store.jobs.find_of(["a"], Wanted(), after=jobs[1].id, limit=9)


def test_jobs_of_one_moment_are_all_listed(store: Ledger, client: redis.Redis) -> None:
    jobs = [accept(store).id for _ in range(5)]
    client.zadd(redis_keys.owned("local"), dict.fromkeys(jobs, 5.0))
    seen, after = [], None
    while page := store.jobs.find("local", Wanted(), after=after, limit=2):
        seen += page.ids
        if (after := page.last) is None:
            break
    assert sorted(seen) == sorted(jobs)


def test_jobs_are_found_by_what_they_are(store: Ledger, client: redis.Redis) -> None:
    jobs = [accept(store, metadata={"run": run, "row": str(row)}) for row, run in enumerate("aabé")]
    for row, job in enumerate(jobs):
        client.zadd(redis_keys.owned("local"), {job.id: 100.0 + row})
    store.admission.cancel(jobs[1].id)

    def found(**wanted: Any) -> list[int]:
        ids = store.jobs.find("local", Wanted(**wanted), limit=9).ids
        return [[job.id for job in jobs].index(job_id) for job_id in ids]

    assert found(metadata={"run": "a"}) == [1, 0]
    assert found(metadata={"run": "é"}) == [3]
    assert found(metadata={"run": "a", "row": "0"}) == [0]
    assert found(metadata={"run": "a", "row": "2"}) == []
    assert found(metadata={"other": "a"}) == []
    assert found(status="cancelled") == [1]
    assert found(status="cancelled", metadata={"run": "b"}) == []
    assert found(model="none") == []
    store.admission.reprioritise(jobs[2].id, Priority.LOW)
    assert found(priority="low") == [2]
    assert found(priority="low", status="cancelled") == []
    assert found(since=101.0) == [3, 2, 1]
    assert found(before=101.0) == [0]
    assert found(since=101.0, before=103.0) == [2, 1]
    assert found(since=104.0) == found(before=100.0) == []


def test_a_filter_that_few_match_looks_at_so_many_jobs_a_call(store: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.ledger.jobs.MOST_LOOKED_AT", 3)
    first = accept(store, metadata={"run": "a"})
    others = [accept(store) for _ in range(7)]
    wanted, calls, after = Wanted(metadata={"run": "a"}), [], None
    while True:
        page = store.jobs.find("local", wanted, after=after, limit=5)
        calls.append(page)
        if (after := page.last) is None:
            break
    assert calls == [([], others[4].id), ([], others[1].id), ([first.id], None)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_every_job_is_in_the_indexes_of_its_status(
    store: Ledger, client: redis.Redis, seed: int
) -> None:
    rng = random.Random(seed)
    jobs: list[Job] = []
    claimed: list[Job] = []
    store.workers.report("fake", "w1", 60, {"capacity": 6})
    for _ in range(300):
        act = rng.choice(
            ["submit", "submit", "take", "claim", "append", "finish", "fail", "cancel", "back", "die", "sweep"]
        )
        job = rng.choice(jobs) if jobs else None
        held = rng.choice(claimed) if claimed else None
        if act == "submit":
            jobs.append(accept(store, completion(priority=rng.choice(list(Priority)))))
        elif act == "take":
            store.line.take("fake")
        elif act == "claim" and job:
            if given := try_claim(store, job.id, rng.choice(["w1", "w2"])).job:
                claimed.append(given)
        elif act == "append" and held:
            append(store, held, 1)
        elif act == "finish" and held:
            endings.succeed(store.leases, HOLDER, held.id, held.fence, 0, OUTCOME)
        elif act == "fail" and held:
            endings.fail(store.leases, HOLDER, held.id, held.fence, 0, "{}")
        elif act == "cancel" and job and rng.random() < 0.3:
            store.admission.cancel(job.id)
        elif act == "back" and held:
            give_back(store, held)
        elif act == "die":
            store.workers.release("fake", rng.choice(["w1", "w2"]))
        elif act == "sweep":
            store.line.sweep("fake")
    _check_indexes(store, client, jobs)


def _check_indexes(store: Ledger, client: redis.Redis, jobs: list[Job]) -> None:
    out, run, pend, giving_way = (
        set(client.zrange(f"caravan:{kind}:fake", 0, -1)) for kind in ("out", "run", "pend", "yield")
    )
    wait = in_line(client)
    by_status = {job.id: status(store, job) for job in jobs}
    queued = {job_id for job_id, found in by_status.items() if found is JobStatus.QUEUED}
    running = {job_id for job_id, found in by_status.items() if found is JobStatus.RUNNING}
    assert wait | out == queued
    assert not wait & out
    assert run == running
    assert giving_way == {job.id for job in jobs if job.priority is Priority.LOW} & running
    assert pend == queued | running
    counts = client.hvals(redis_keys.queued_by_priority("fake"))
    assert sum(map(int, counts)) == len(queued)
    for job in jobs:
        cursors = [event.cursor for event in event_stream.look(client, job.id)[1]]
        assert cursors == sorted(set(cursors))


def test_a_job_has_no_stream_before_it_has_begun_or_ended_and_readers_miss_nothing(
    store: Ledger, client: redis.Redis
) -> None:
    waits, ends = accept(store), accept(store)
    seen = [event_stream.look(client, job.id)[1] for job in (waits, ends)]
    assert [[event.status for event in events] for events in seen] == [["queued"], ["queued"]]
    assert not client.exists(redis_keys.log(waits.id), redis_keys.log(ends.id))
    assert event_stream.look(client, waits.id, after=seen[0][0].cursor) == (JobStatus.QUEUED, [])
    claim(store, waits)
    store.admission.cancel(ends.id)
    for job, (before,), then in ((waits, seen[0], "running"), (ends, seen[1], "cancelled")):
        _, events = event_stream.look(client, job.id)
        assert [event.status for event in events] == ["queued", then]
        assert events[0].cursor == before.cursor
        assert event_stream.look(client, job.id, after=before.cursor)[1] == events[1:]
