"""Who is to blame for the deaths of workers: a job, the model, or nobody."""

from __future__ import annotations

import time

import pytest
import redis

from tasks.ledger import dead_letters, overview
from tasks.ledger.leases import Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.ledger.workers import Found
from tasks.records.event import encode_progress
from tasks.records.job import KILLS_PER_CRASH, MAX_CRASHES, Job, JobStatus, Operation
from tests.integration.test_ledger import HOLDER, OUTCOME, TOKEN, accept, append, claim, status, try_claim
from tests.support import endings
from tests.support.jobs import completion, in_line, verdict


def die(store: Ledger, *jobs: Job, found: Found = "crashed", alone: Job | None = None) -> list[str]:
    """The worker claims these jobs, tries one of them alone if told so, and dies; the jobs that end because of it."""
    for job in jobs:
        claim(store, job)
    if alone is not None:
        store.workers.begin_trial("w1", alone.id)
    return store.workers.release("fake", "w1", reason=found).ended


def suspected(store: Ledger, count: int) -> list[Job]:
    """So many jobs that two workers crashed with."""
    jobs = [accept(store) for _ in range(count)]
    for _ in range(2):
        die(store, *jobs)
    return jobs


def failed(store: Ledger, client: redis.Redis) -> bool:
    return overview.health(client, ["fake"])["fake"].in_trouble


def in_trouble(store: Ledger, count: int = 2) -> list[Job]:
    """So many jobs that a worker crashed of alone, which is the model's fault; the model has a worker with room."""
    jobs = [accept(store) for _ in range(count)]
    for job in jobs:
        die(store, job)
    store.workers.report("fake", "w1", 60, {"slots": 4, "capacity": 4})
    return jobs


def patient(store: Ledger) -> None:
    """The time until the next try has passed."""
    store.jobs._redis.hset("caravan:patience:fake", "at", 1)


def due(store: Ledger) -> None:
    """What was put aside has its turn."""
    for job_id in store.jobs._redis.zrange("caravan:delayed", 0, -1):
        store.jobs._redis.zadd("caravan:delayed", {str(job_id): 1})
    store.line.tidy()


def test_kills_from_outside_weigh_a_quarter_of_a_crash(store: Ledger) -> None:
    job = accept(store)
    for number in range((MAX_CRASHES - 1) * KILLS_PER_CRASH):
        assert not claim(store, job).suspect, number
        store.workers.release("fake", "w1", reason="killed")
    assert claim(store, job).suspect
    store.workers.release("fake", "w1", reason="killed")


@pytest.mark.parametrize("found", ["killed", "worker_restarted"])
def test_a_kill_during_a_trial_convicts_nobody(store: Ledger, found: Found) -> None:
    (suspect,) = suspected(store, 1)
    for _ in range(KILLS_PER_CRASH - 1):
        assert die(store, suspect, found=found, alone=suspect) == []
    assert status(store, suspect) is JobStatus.QUEUED
    assert die(store, suspect, found=found, alone=suspect) == [suspect.id], "so many are no chance any more"


def test_a_lapsed_lease_is_a_death_of_which_nobody_knows(store: Ledger) -> None:
    claim(store, job := accept(store))
    time.sleep(0.5)
    assert store.line.sweep("fake").reclaimed == 1
    found = store.jobs.get(job.id)
    assert found is not None
    assert (found.crashes, found.kills) == (0, 1)


def test_the_deaths_of_a_job_say_what_the_parent_saw(store: Ledger) -> None:
    claim(store, job := accept(store))
    store.workers.release("fake", "w1", reason="crashed", how="died by SIGSEGV")
    found = store.jobs.get(job.id)
    assert found is not None
    assert [death["found"] for death in found.deaths] == ["its process died by SIGSEGV"]


def test_one_that_died_alone_is_convicted_once_another_job_has_a_token(store: Ledger, client: redis.Redis) -> None:
    suspect, *others = suspected(store, 4)
    assert die(store, suspect, *others, alone=suspect) == [], "it may be the model that fails"
    assert [status(store, job) for job in (suspect, *others)] == [JobStatus.QUEUED] * 4
    claimed = claim(store, others[0])
    assert claimed.crashes == 2, "nothing else is blamed for a death in a trial"
    append(store, claimed, 1)
    due(store)
    assert try_claim(store, suspect.id).status == "failed"
    assert dead_letters.page(client, ["fake"], count=9) == [suspect.id]
    found = store.jobs.get(suspect.id)
    assert found is not None
    assert found.error is not None
    assert found.error["code"] == "worker_died"
    assert found.error["message"].startswith("3 workers died")


def test_one_that_waits_aside_is_not_begun_before_its_turn(store: Ledger) -> None:
    suspect, other = suspected(store, 2)
    die(store, suspect, other, alone=suspect)
    assert try_claim(store, suspect.id).status == "queued"


def test_one_that_dies_alone_again_is_convicted_though_nothing_else_could_run(store: Ledger) -> None:
    suspect, _ = suspected(store, 2)
    assert die(store, suspect, alone=suspect) == []
    for _ in range(3):
        due(store)
        assert try_claim(store, suspect.id).status == "queued", "others have their turns first"
    due(store)
    assert die(store, suspect, alone=suspect) == [suspect.id]


def test_two_that_die_alone_are_the_models_fault(store: Ledger, client: redis.Redis) -> None:
    first, second, third = suspected(store, 3)
    die(store, first, alone=first)
    assert not failed(store, client)
    assert die(store, second, alone=second) == []
    assert failed(store, client)
    due(store)
    store.workers.report("fake", "w1", 60, {"slots": 4, "capacity": 4})
    assert len(store.line.take("fake")) == 1, "one is tried at a time"
    assert store.line.take("fake") == []
    given = claim(store, third)
    assert given.alone
    assert given.suspect
    fourth = accept(store)
    assert try_claim(store, fourth.id).status == "queued", "though its message was published before"
    assert store.workers.release("fake", "w1", reason="crashed").ended == []
    assert store.line.take("fake") == [], "the next try comes later"
    assert {status(store, job) for job in (first, second, third)} == {JobStatus.QUEUED}


def test_a_token_ends_the_models_trouble(store: Ledger, client: redis.Redis) -> None:
    first, second, third = suspected(store, 3)
    die(store, first, alone=first)
    die(store, second, alone=second)
    append(store, claim(store, third), 1)
    assert not failed(store, client)
    due(store)
    absolved = claim(store, first)
    assert (absolved.crashes, absolved.suspect) == (0, False), "it was the model's fault"


def test_jobs_are_absolved_once(store: Ledger, client: redis.Redis) -> None:
    first, second, third = suspected(store, 3)
    for attempt in range(2):
        for job in (first, second):
            for _ in range(MAX_CRASHES if attempt else 1):
                # Others have gone first so often that it is its turn.
                store.jobs._redis.hset("caravan:job:" + job.id, "aside", 4 if failed(store, client) else 0)
                due(store)
                claimed = try_claim(store, job.id).job
                if claimed is not None:
                    store.workers.begin_trial("w1", job.id)
                    store.workers.release("fake", "w1", reason="crashed")
        assert failed(store, client)
        append(store, claim(store, third), 1)
        store.workers.release("fake", "w1", reason="worker_restarted")
    due(store)
    assert [try_claim(store, job.id).status for job in (first, second)] == ["failed", "failed"]


def test_a_model_whose_lonely_jobs_die_one_after_the_other_fails(store: Ledger, client: redis.Redis) -> None:
    (first,) = suspected(store, 1)
    assert die(store, first, alone=first) == [first.id]
    (second,) = suspected(store, 1)
    assert die(store, second, alone=second) == []
    assert failed(store, client)


def test_a_job_is_tried_as_long_as_the_model_is_in_trouble(store: Ledger, client: redis.Redis) -> None:
    first, _ = in_trouble(store)
    for _ in range(3 * MAX_CRASHES):
        due(store)
        if try_claim(store, first.id).job:
            store.workers.begin_trial("w1", first.id)
            assert store.workers.release("fake", "w1", reason="crashed").ended == []
        assert client.zscore("caravan:delayed", first.id) or first.id in in_line(client), "it stands somewhere"
    found = store.jobs.get(first.id)
    assert found is not None
    assert found.crashes > MAX_CRASHES
    assert client.hget("caravan:queued:fake", first.priority) == "2"


def test_in_trouble_jobs_that_nobody_died_of_go_first(store: Ledger) -> None:
    first, second = in_trouble(store)
    healthy = accept(store)
    tried: list[str] = []
    while healthy.id not in tried and len(tried) < 5:
        ids = store.line.take("fake")
        assert ids, "a job that gives way to others uses up nobody's turn"
        tried += ids
        if try_claim(store, ids[0]).job:
            break
    assert tried[-1] == healthy.id
    assert {first.id, second.id} >= set(tried[:-1])


def test_what_needs_no_slot_says_nothing_of_the_model(store: Ledger, client: redis.Redis) -> None:
    in_trouble(store)
    small = completion()
    small = Job(id=small.id, model="fake", operation=Operation.TOKENIZE, request={"text": "Once"})
    claimed = claim(store, accept(store, small))
    assert not claimed.alone
    assert endings.succeed(store.leases, HOLDER, claimed.id, claimed.fence, 0, OUTCOME) == "ok"
    assert failed(store, client)


def test_a_stream_that_goes_on_elsewhere_holds_up_no_try(store: Ledger, client: redis.Redis) -> None:
    stream = claim(store, accept(store), "w2")
    store.leases.append(Holder("w2", "d1"), [Append(stream.id, stream.fence, 1, [TOKEN])])
    in_trouble(store)
    assert failed(store, client)
    (tried,) = store.line.take("fake")
    assert try_claim(store, tried).job
    patient(store)
    assert store.line.take("fake") == [], "one is tried at a time"


def test_a_message_that_comes_during_a_try_goes_back_to_the_line(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w1", 60, {"slots": 4, "capacity": 4})
    early = [accept(store) for _ in range(2)]
    assert len(store.line.take("fake")) == 2
    in_trouble(store)
    claim(store, early[0])
    assert try_claim(store, early[1].id).status == "queued"
    assert early[1].id in in_line(client)


def test_a_try_whose_claim_lost_its_reply_is_still_alone(store: Ledger) -> None:
    in_trouble(store)
    job = accept(store)
    first, again = (try_claim(store, job.id, call="the same").job for _ in range(2))
    assert first == again
    assert first is not None
    assert first.alone


def test_a_new_kind_of_death_is_forgotten_with_a_new_token(store: Ledger) -> None:
    job = accept(store)
    for _ in range(5):
        for _ in range(2 * KILLS_PER_CRASH - 1):
            claim(store, job)
            store.workers.release("fake", "w1", reason="killed")
        append(store, claim(store, job), 1)
        store.workers.release("fake", "w1", reason="killed")
    found = store.jobs.get(job.id)
    assert found is not None
    assert (found.status, found.crashes, found.kills) == (JobStatus.QUEUED, 0, 1)


def test_a_worker_that_fails_beside_one_of_an_earlier_release_ends_no_job(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "old", 60, {"slots": 4})
    client.delete("caravan:ready:fake")  # which an earlier release does not write
    job = accept(store)
    store.workers.report_start("fake", "new", {"state": "failed", "phase": "decode", "reason": "It died."}, 60)
    assert store.line.sweep("fake").ended == []
    assert status(store, job) is JobStatus.QUEUED
    accept(store)


def test_one_broken_worker_convicts_nobody_while_another_lives(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w2", 60, {"slots": 4, "capacity": 4})
    suspect, other = suspected(store, 2)
    die(store, suspect, alone=suspect)
    append(store, claim(store, other, "w2"), 1)
    due(store)
    assert try_claim(store, suspect.id, "w1").status == "queued", "the other worker has not tried it"
    due(store)
    given = claim(store, suspect, "w2")
    assert given.suspect
    append(store, given, 1)
    assert status(store, suspect) is JobStatus.RUNNING


def test_two_workers_that_crash_of_a_job_convict_it(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w2", 60, {"slots": 4, "capacity": 4})
    suspect, other = suspected(store, 2)
    die(store, suspect, alone=suspect)
    append(store, claim(store, other, "w2"), 1)
    due(store)
    store.workers.begin_trial("w2", claim(store, suspect, "w2").id)
    store.workers.release("fake", "w2", reason="crashed")
    due(store)
    try_claim(store, suspect.id)
    assert status(store, suspect) is JobStatus.FAILED


def test_jobs_wait_for_a_model_that_has_failed_once_only(store: Ledger) -> None:
    waiting = accept(store)
    for tries in range(1, 4):
        start = {"state": "failed", "phase": "loading", "reason": "no file", "tries": tries}
        store.workers.report_start("fake", "w1", start, 60)
        assert verdict(store.admission.submit(completion(), longest_queue=9)) == "broken"
        assert store.line.sweep("fake").ended == ([waiting.id] if tries == 3 else [])


def test_messages_that_died_with_a_worker_are_published_again_within_a_second(client: redis.Redis) -> None:
    store = Ledger.over(client, result_ttl=60, lease_seconds=60, unclaimed_seconds=30, ageing_seconds=9)
    for worker in ("w1", "w2"):
        store.workers.report("fake", worker, 60, {"slots": 1, "capacity": 1})
    jobs = [accept(store), accept(store)]
    assert set(store.line.take("fake")) == {job.id for job in jobs}
    store.workers.release("fake", "w1", reason="killed")
    assert store.line.sweep("fake").unclaimed == 0, "the other worker may have them"
    time.sleep(1.1)
    assert store.line.sweep("fake").unclaimed == 2
    (taken,) = store.line.take("fake")
    store.workers.release("fake", "w2", reason="killed")
    store.workers.report("fake", "w1", 60, {"slots": 4, "capacity": 4})
    assert taken in store.line.take("fake"), "nobody else has it"


def test_how_far_a_prompt_was_read_takes_no_blame_from_a_job(store: Ledger) -> None:
    told = encode_progress(index=0, prompt_tokens=9, cached_tokens=0, processed_tokens=4, seconds=0.1)
    job = accept(store)
    for crashes in range(MAX_CRASHES - 1):
        claimed = claim(store, job)
        assert claimed.crashes == crashes
        sent = Append(claimed.id, claimed.fence, 1, [told, told])
        assert store.leases.append(HOLDER, [sent]) == store.leases.append(HOLDER, [sent]) == ["unread"]
        store.workers.release("fake", "w1", reason="crashed")
    claimed = claim(store, job)
    assert claimed.suspect
    store.leases.append(HOLDER, [Append(claimed.id, claimed.fence, 1, [told, TOKEN])])
    found = store.jobs.get(job.id)
    assert found is not None
    assert found.crashes == 0, "a token is proof, whatever came before it"
