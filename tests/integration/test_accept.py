"""Accepting a job in one round trip: what it brings back, and what is published."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from redis.connection import AbstractConnection

from tasks.ledger import scripts
from tasks.ledger.admission import Accepted, Busy, Full, Idempotency, Submission
from tasks.ledger.connection import RedisErrors, connect
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.records.job import JobStatus, Priority, QueueState
from tasks.settings import Settings
from tests.support.jobs import completion, embedding

KEY = Idempotency("k", "digest")


def accept(store: Ledger, job: Any, **options: Any) -> Accepted:
    return store.admission.accept(job, take=store.line.taking(job.model), stands=True, longest_queue=100, **options)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What clients send on their connections from here on, an entry for each round trip."""
    packets: list[object] = []
    original = AbstractConnection.send_packed_command

    def send(self: AbstractConnection, command: Any, *args: Any, **options: Any) -> Any:
        packets.append(command)
        return original(self, command, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", send)
    return packets


@pytest.mark.parametrize(
    "job",
    [
        completion(metadata={"a": "b"}, priority=Priority.HIGH, timeout_seconds=60.0, request_id="r", owner="o"),
        completion(webhook="https://example.invalid/x?token=1", max_attempts=2),
        embedding(["a", "b"]),
    ],
    ids=["options", "webhook", "vectors"],
)
def test_it_brings_the_job_as_the_ledger_has_it(store: Ledger, job: Any) -> None:
    accepted = accept(store, job)
    assert accepted.reply == Submission("accepted", job.id)
    assert accepted.job == store.jobs.get(job.id)
    assert accepted.standing == store.jobs.standing(job)
    assert accepted.taken == []


def test_it_is_one_round_trip(store: Ledger, sent: list[object]) -> None:
    accept(store, completion())
    sent.clear()
    accept(store, completion())
    assert len(sent) == 1


def test_it_takes_what_there_is_room_for(store: Ledger) -> None:
    earlier = completion()
    accept(store, earlier)
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    job = completion()
    accepted = accept(store, job)
    assert accepted.taken == [earlier.id, job.id]
    assert accepted.standing is not None
    assert accepted.standing.position in (1, 2), "both were published within a microsecond"
    assert accepted.standing.crew.workers == 1


def test_what_is_taken_is_published_though_the_job_is_refused(store: Ledger) -> None:
    first = completion(owner="o")
    accept(store, first)
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    refused = accept(store, completion(owner="o"), most_in_flight=1)
    assert refused.reply == Busy(1)
    assert refused.taken == [first.id]
    assert refused.job is None


def test_an_earlier_job_with_the_key_is_told_by_its_id_alone(store: Ledger) -> None:
    first = completion()
    accept(store, first, idempotency=KEY)
    again = accept(store, completion(), idempotency=KEY)
    assert again.reply == Submission("known", first.id)
    assert (again.job, again.standing) == (None, None)


def test_a_paused_queue_and_a_full_one(store: Ledger) -> None:
    store.admission.set_queue_state("fake", QueueState.PAUSED)
    accepted = accept(store, completion())
    assert accepted.standing is not None
    assert accepted.standing.queue_state is QueueState.PAUSED
    full = store.admission.accept(completion(), take=store.line.taking("fake"), stands=False, longest_queue=1)
    assert full.reply == Full(1, None)


def test_scripts_that_redis_has_forgotten_are_sent_again(store: Ledger, client: redis.Redis) -> None:
    accept(store, completion())
    client.script_flush()
    job = completion()
    accepted = accept(store, job)
    assert accepted.job is not None
    assert accepted.job.status is JobStatus.QUEUED
    assert store.jobs.standing(job).position == 2
    client.script_flush()
    assert store.admission.cancel_many([job.id, "nobody's"]) == 1


@pytest.fixture
def tally() -> RedisErrors:
    return RedisErrors()


def test_jobs_are_taken_and_published_though_redis_is_full(
    store: Ledger, client: redis.Redis, settings: Settings, tally: RedisErrors
) -> None:
    """What is taken and not published waits for seconds, and running jobs are what frees memory."""
    earlier = completion()
    accept(store, earlier)
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    counting = open_ledger(settings, connect(settings.redis_url, errors=tally))
    client.config_set("maxmemory", 1)
    try:
        refused = accept(counting, completion())
    finally:
        client.config_set("maxmemory", 0)
    assert isinstance(refused.reply, redis.ResponseError), "OOM, which has a class of its own with some versions alone"
    assert refused.taken == [earlier.id]
    assert tally.count == 1


def test_a_failed_round_trip_is_counted_once(tally: RedisErrors) -> None:
    ledger = open_ledger(Settings(redis_url="redis://127.0.0.1:1/0"), connect("redis://127.0.0.1:1/0", errors=tally))
    with pytest.raises(redis.ConnectionError):
        accept(ledger, completion())
    assert tally.count == 1


@pytest.mark.parametrize("known", [("take", "position"), ("submit",), ("submit", "take")])
def test_a_job_is_taken_though_redis_knows_some_scripts_alone(
    store: Ledger, client: redis.Redis, known: tuple[str, ...]
) -> None:
    client.script_flush()
    for name in known:
        client.script_load(scripts.text(name))
    store.workers.report("fake", "w1", 60, {"slots": 2, "capacity": 2})
    job = completion()
    accepted = accept(store, job)
    assert accepted.taken == [job.id]
    assert accepted.job is not None
