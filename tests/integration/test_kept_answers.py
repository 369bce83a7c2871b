"""Answers that are kept for later requests of their owner that ask the same, on a real ledger."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis

from tasks.ledger import event_stream, overview, redis_keys
from tasks.ledger.admission import Idempotency
from tasks.ledger.leases import Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.records.event import encode_progress, encode_token
from tasks.records.job import Job, JobStatus, QueueState, Repeat
from tasks.records.outcome import Choice, Outcome, Usage
from tests.support import endings
from tests.support.jobs import completion, embedding, in_line, verdict
from tests.support.waiting import until

OUTCOME = Outcome(
    choices=(Choice(index=0, text="upon a", finish_reason="stop"),),
    usage=Usage(prompt_tokens=4, completion_tokens=2, cached_tokens=1),
)
PIECES = [
    encode_progress(index=0, prompt_tokens=4, cached_tokens=1, processed_tokens=4, seconds=0.1),
    encode_token(index=0, text="upon", tokens=[7], finish_reason=None, prompt_tokens=4, cached_tokens=1),
    encode_token(index=0, text=" a", tokens=[8], finish_reason="stop"),
]
W1 = Holder("w1", "d1", "c1")


def asking(text: str = "Once", *, seconds: float = 60, looks: bool = True, **options: Any) -> Job:
    return completion(text, repeat=Repeat(digest=text, seconds=seconds, looks=looks), **options)


def submit(store: Ledger, job: Job, key: str = "", **options: Any) -> str:
    idempotency = Idempotency(key, "body") if key else None
    return verdict(store.admission.submit(job, **{"longest_queue": 100, **options}, idempotency=idempotency))


def claim(store: Ledger, job: Job, holder: Holder = W1) -> Job:
    held = store.leases.claim(job.id, holder, model=job.model, call=uuid.uuid4().hex).job
    assert held is not None
    return held


def end(
    store: Ledger,
    held: Job,
    holder: Holder = W1,
    *,
    pieces: list[str] = PIECES,
    same_until: float | None = math.inf,
    outcome: Outcome = OUTCOME,
) -> None:
    store.leases.append(holder, [Append(held.id, held.fence, 1, pieces)])
    end = store.leases.succeed(holder, held.id, held.fence, len(pieces), outcome, same_until=same_until)
    assert store.leases.write([end]) == ["ok"]
    assert store.leases.write([end]) == ["ok"], "once more, after a lost reply"


def run(store: Ledger, job: Job, holder: Holder = W1, key: str = "", **options: Any) -> Job:
    """Have a job run by a worker that has told what it computes with, and answered."""
    tell(store, holder.computes, model=job.model)
    assert submit(store, job, key) == "accepted"
    end(store, claim(store, job, holder), holder, **options)
    return job


def tell(store: Ledger, computes: str, *, model: str = "fake") -> None:
    store.workers.report(model, "w1", 60, {"slots": 1}, computes=computes)


def found(store: Ledger, job: Job) -> Job:
    read = store.jobs.get(job.id)
    assert read is not None
    return read


@contextmanager
def watched(client: redis.Redis) -> Iterator[Callable[[], list[str]]]:
    """What Redis is told meanwhile, scripts' commands among it."""
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]
        lines = list[str]()

        def told() -> list[str]:
            client.echo("the end")
            for command in monitor.listen():
                if "the end" in command["command"]:
                    return lines
                lines.append(str(command["command"]))
            raise AssertionError

        yield told


def test_an_equal_request_is_answered_without_a_worker(store: Ledger, client: redis.Redis) -> None:
    first, again = run(store, asking()), asking(metadata={"a": "b"})
    assert submit(store, again) == "answered"
    job = found(store, again)
    assert (job.status, job.attempt, job.worker, job.started_at) == (JobStatus.SUCCEEDED, 0, None, None)
    assert job.outcome is not None
    assert job.outcome.choices == OUTCOME.choices
    assert job.outcome.usage == Usage(prompt_tokens=4, completion_tokens=2, cached_tokens=4, answer_cached=True)
    assert job.outcome.timings is not None
    assert (job.outcome.timings.prefill_seconds, job.outcome.timings.tokens_per_second) == (0, None)
    assert (job.repeats, job.metadata) == (first.id, {"a": "b"})
    assert in_line(client) == set()
    assert [client.scard(redis_keys.in_flight("local")), client.zcard(redis_keys.pending("fake"))] == [0, 0]
    assert client.ttl(redis_keys.job(again.id)) > 0
    (queue,) = overview.queues(client, ["fake"])
    assert (queue.depth, queue.running) == (0, 0)


def test_its_stream_has_the_pieces_under_a_fence_of_its_own(store: Ledger, client: redis.Redis) -> None:
    run(store, asking())
    again = asking()
    submit(store, again)
    status, events = event_stream.look(client, again.id)
    assert status is JobStatus.SUCCEEDED
    assert [(event.type, event.status, event.text) for event in events] == [
        ("status", "queued", ""),
        ("token", "", "upon"),
        ("token", "", " a"),
        ("done", "succeeded", ""),
    ]
    assert [event.cursor.seq for event in events] == [0, 1, 2, 0]
    assert events[0].cursor.fence == events[2].cursor.fence < events[3].cursor.fence == found(store, again).fence


def test_hits_and_misses_are_counted_and_no_tokens_of_hits(store: Ledger, client: redis.Redis) -> None:
    run(store, asking())
    submit(store, asking())
    submit(store, asking("Twice"))
    submit(store, asking(looks=False))
    (counts,) = overview.counts(client, ["fake"])
    assert {name: value for name, value in counts.counters.items() if name.startswith(("answers", "tokens"))} == {
        "answers:hit": 1,
        "answers:miss": 2,
        "tokens:prompt": 4,
        "tokens:cached": 1,
        "tokens:completion": 2,
    }
    assert counts.totals == {"accepted:normal": 4, "succeeded:normal": 2}
    assert (
        sum(value for name, value in counts.histograms.items() if name.startswith("total:normal") and ":us" not in name)
        == 1
    )


def test_vectors_are_kept_as_well(store: Ledger) -> None:
    asked = Repeat(digest="v", seconds=60)
    run(store, embedding(["a"], repeat=asked), pieces=[])
    assert submit(store, embedding(["a"], repeat=asked)) == "answered"


@pytest.mark.parametrize(
    "other",
    [
        asking("Twice"),
        asking(owner="another"),
        asking(model="other"),
        asking(looks=False),
        completion("Once"),
    ],
    ids=["request", "owner", "model", "no-cache", "not kept"],
)
def test_another_request_is_run(store: Ledger, other: Job) -> None:
    run(store, asking())
    tell(store, "c1", model="other")
    assert submit(store, other) == "accepted"


def test_an_answer_is_none_once_workers_compute_otherwise(store: Ledger) -> None:
    run(store, asking())
    tell(store, "c2")
    anew = asking()
    assert submit(store, anew) == "accepted"
    end(store, claim(store, anew, Holder("w1", "d2", "c2")), Holder("w1", "d2", "c2"))
    again = asking()
    assert submit(store, again) == "answered"
    assert found(store, again).repeats == anew.id


def test_a_worker_that_keeps_none_leaves_the_digest_of_before_alone(store: Ledger) -> None:
    run(store, asking())
    tell(store, "")
    assert submit(store, asking()) == "answered", "the model sleeps, or workers of another release serve"


def test_an_answer_that_two_kinds_of_workers_made_is_not_kept(store: Ledger) -> None:
    tell(store, "c2")
    job, other = asking(), Holder("w2", "d1", "c2")
    submit(store, job)
    held = claim(store, job)
    assert store.leases.give_back(W1, job.id, held.fence, 0) == "ok"
    end(store, claim(store, job, other), other)
    assert submit(store, asking()) == "accepted"


def test_an_answer_goes_with_its_job(store: Ledger, client: redis.Redis) -> None:
    first = run(store, asking())
    again = asking()
    submit(store, again)
    assert store.admission.forget(again.id) is JobStatus.SUCCEEDED
    assert submit(store, asking()) == "answered", "that one was another's"
    assert store.admission.forget(first.id) is JobStatus.SUCCEEDED
    assert client.keys("caravan:answer:*") == []
    assert submit(store, asking()) == "accepted"


def test_an_answer_goes_with_a_job_that_redis_has_lost(store: Ledger, client: redis.Redis) -> None:
    first = run(store, asking())
    client.delete(redis_keys.job(first.id))
    assert submit(store, asking()) == "accepted"


def test_an_answer_is_kept_for_its_seconds(store: Ledger) -> None:
    run(store, asking(seconds=0.3))
    assert submit(store, asking()) == "answered"
    until(lambda: submit(store, asking()) == "accepted", seconds=5, what="the answer has gone")


@pytest.mark.parametrize(("seconds", "least", "most"), [(60, 59, 61), (1e9, 86390, 86401)])
def test_an_answer_is_kept_no_longer_than_its_job(
    store: Ledger, client: redis.Redis, seconds: float, least: int, most: int
) -> None:
    run(store, asking(seconds=seconds))
    assert least <= client.ttl(redis_keys.answer("local", "Once")) <= most


def test_an_answer_is_kept_until_its_prompt_would_be_another(store: Ledger, client: redis.Redis) -> None:
    run(store, asking(), same_until=time.time() + 10)
    assert 8 <= client.ttl(redis_keys.answer("local", "Once")) <= 10
    run(store, asking("Twice"), same_until=time.time() - 10)
    assert submit(store, asking("Twice")) == "accepted"


def test_a_worker_that_says_nothing_of_its_prompt_keeps_no_answer(store: Ledger) -> None:
    run(store, asking(), same_until=None)
    assert submit(store, asking()) == "accepted"


def test_only_what_ended_well_is_kept(store: Ledger) -> None:
    tell(store, "c1")
    failed, cancelled, put_off = asking(), asking(), asking()
    submit(store, failed)
    held = claim(store, failed)
    endings.fail(store.leases, W1, held.id, held.fence, 0, "{}")
    submit(store, cancelled)
    claim(store, cancelled)
    store.admission.cancel(cancelled.id)
    submit(store, put_off)
    held = claim(store, put_off)
    assert endings.put_off(store.leases, W1, held.id, held.fence, 0, "{}", seconds=60) == "ok"
    assert submit(store, asking()) == "accepted"


def test_an_answer_of_very_many_pieces_is_not_kept(store: Ledger) -> None:
    run(store, asking(), pieces=[PIECES[1]] * 2100)
    assert submit(store, asking()) == "accepted"
    run(store, asking("Twice"), pieces=[PIECES[1]] * 2000)
    assert submit(store, asking("Twice")) == "answered"


def test_an_answer_that_is_very_long_is_not_kept(store: Ledger) -> None:
    for size, said in ((1 << 20, "accepted"), ((1 << 20) - 1000, "answered")):
        text = f"{size}"
        choice = Choice(index=0, text="x" * size, finish_reason="length")
        run(store, asking(text), outcome=replace(OUTCOME, choices=(choice,)))
        assert submit(store, asking(text)) == said


def test_the_row_of_a_batch_is_answered_and_leaves_no_answer(store: Ledger) -> None:
    row = asking()
    run(store, row, key=row.id)
    assert submit(store, asking()) == "accepted"
    first, row = run(store, asking()), asking()
    assert submit(store, row, key=row.id) == "answered"
    assert found(store, row).repeats == first.id


def test_the_same_key_stands_for_the_job_that_was_answered(store: Ledger) -> None:
    run(store, asking())
    assert submit(store, asking(), key="k") == "answered"
    assert submit(store, asking(), key="k") == "known"


def test_a_kept_answer_needs_neither_a_worker_nor_a_place(store: Ledger, client: redis.Redis) -> None:
    run(store, asking())
    store.workers.retire("fake", "w1")
    store.admission.set_queue_state("fake", QueueState.PAUSED)
    assert submit(store, asking(), longest_queue=0, most_in_flight=0) == "answered"
    client.delete(redis_keys.ready("fake"))
    store.workers.report_start(
        "fake", "w1", {"state": "failed", "reason": "-", "tries": 3, "until": time.time() + 60}, 60
    )
    assert submit(store, asking("Twice")) == "broken"
    assert submit(store, asking()) == "answered"


def test_a_kept_answer_obeys_what_limits_results_and_a_queue_that_drains(store: Ledger) -> None:
    run(store, asking())
    assert submit(store, replace(asking(), result_bytes=1)) == "kept"
    store.admission.set_queue_state("fake", QueueState.DRAINING)
    assert submit(store, asking()) == "draining"


def test_what_an_answer_takes_is_its_owners(store: Ledger, client: redis.Redis) -> None:
    job = run(store, asking())
    key = redis_keys.result_bytes("local")
    alone = int(str(client.hget(key, job.id)))
    kept = [redis_keys.job(job.id), redis_keys.log(job.id), redis_keys.answer("local", "Once")]
    assert alone == sum(int(client.memory_usage(each, samples=0) or 0) for each in kept)
    assert int(str(client.hget(key, "all"))) == alone
    again = asking()
    submit(store, again)
    assert int(str(client.hget(key, "all"))) == alone + int(str(client.hget(key, again.id)))
    store.admission.forget(job.id)
    store.admission.forget(again.id)
    assert not client.exists(key)


def test_tokens_counted_in_advance_are_given_back(store: Ledger, client: redis.Redis) -> None:
    run(store, asking())
    now, key = time.time(), redis_keys.rate("tokens", "id")
    client.hset(key, mapping={"start": now - 5, "current": 500, "previous": 0})
    assert submit(store, replace(asking(), metered=f"300 {now} id")) == "answered"
    assert client.hget(key, "current") == "200"


def test_what_is_not_kept_costs_no_command(store: Ledger, client: redis.Redis) -> None:
    with watched(client) as told:
        job = completion()
        tell(store, "")
        submit(store, job)
        end(store, claim(store, job, Holder("w1", "d1")), Holder("w1", "d1"), same_until=None)
        store.admission.forget(job.id)
        commands = told()
    assert len(commands) > 50, "the scripts' commands are among them"
    assert [each for each in commands if "caravan:answer" in each or "caravan:computes" in each] == []
