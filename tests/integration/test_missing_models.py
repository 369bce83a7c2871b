"""Jobs of models that have left the catalogue, on a real Redis."""

from __future__ import annotations

import redis

from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.ledger.overview import queues
from tasks.queue.strays import LOOK_SECONDS, Strays
from tasks.records.job import Job, JobStatus, Priority
from tests.integration.test_ledger import accept, claim, status
from tests.support.jobs import completion


def waiting(store: Ledger, count: int = 1, **options: object) -> list[Job]:
    return [accept(store, completion(**options)) for _ in range(count)]  # type: ignore[arg-type]


def test_a_model_is_missing_while_jobs_wait_for_it(store: Ledger) -> None:
    (job,) = waiting(store)
    assert store.missing.models(["fake"]) == []
    assert store.missing.models([]) == ["fake"]
    store.admission.cancel(job.id)
    assert store.missing.models([]) == []


def test_it_is_known_since_when_a_model_is_missing(store: Ledger, client: redis.Redis) -> None:
    waiting(store, 3)
    assert store.missing.note([]) == {"fake": (3, 0.0)}
    client.hset(redis_keys.missing(), "fake", repr(float(client.time()[0]) - 100))
    num_jobs, seconds = store.missing.note([])["fake"]
    assert (num_jobs, 99 <= seconds <= 103) == (3, True)
    assert store.missing.note(["fake"]) == {}
    assert store.missing.note([])["fake"][1] < 100, "it is missing anew"


def test_jobs_end_when_their_model_was_missing_for_too_long(store: Ledger, client: redis.Redis) -> None:
    first, second = waiting(store, 2)
    running = claim(store, first)
    ended: list[tuple[str, str]] = []
    strays = Strays(store.line, store.missing, models=list, seconds=50)
    strays.tick(lambda *told: ended.append(told))
    assert (status(store, second), ended) == (JobStatus.QUEUED, [])
    client.hset(redis_keys.missing(), "fake", repr(float(client.time()[0]) - 51))
    strays._looked_at -= LOOK_SECONDS
    strays.tick(lambda *told: ended.append(told))
    assert ended == [(second.id, "fake")]
    assert status(store, running) is JobStatus.RUNNING, "a worker has it"
    found = store.jobs.get(second.id)
    assert found is not None
    assert found.error is not None
    assert found.error["code"] == "model_missing"


def test_the_deadline_of_a_job_holds_though_its_model_is_missing(store: Ledger, client: redis.Redis) -> None:
    (job,) = waiting(store, timeout_seconds=100.0)
    client.zadd(redis_keys.due("fake"), {job.id: float(client.time()[0]) - 1})
    Strays(store.line, store.missing, models=list, seconds=50).tick(lambda *_: None)
    assert status(store, job) is JobStatus.EXPIRED


def test_waiting_jobs_are_moved_with_their_place_and_their_deadline(store: Ledger, client: redis.Redis) -> None:
    first, second = waiting(store, 2, timeout_seconds=100.0)
    high = accept(store, completion(priority=Priority.HIGH))
    running = claim(store, accept(store, completion()))
    assert store.admission.move(store.admission.waiting("fake", 10), "other") == 3
    assert [each.depth for each in queues(client, ["fake", "other"])] == [0, 3]
    assert status(store, running) is JobStatus.RUNNING
    moved = [store.jobs.get(job.id) for job in (high, first, second)]
    assert [store.jobs.standing(job).position for job in moved if job] == [1, 2, 3]
    assert {job.model for job in moved if job} == {"other"}
    assert client.zcard(redis_keys.due("fake")) == 0
    assert client.zcard(redis_keys.due("other")) == 2
    assert store.missing.models(["other"]) == ["fake"], "one of its jobs runs"


def test_a_moved_job_is_claimed_by_its_new_models_worker_alone(store: Ledger, client: redis.Redis) -> None:
    (job,) = waiting(store)
    for model in ("fake", "other"):
        store.workers.report(model, f"w-{model}", 60, {"slots": 2, "capacity": 2})
    assert store.line.take("fake") == [job.id]
    assert store.admission.move([job.id], "other") == 1
    assert store.line.take("fake") == []
    assert store.line.take("other") == [job.id]
    assert client.exists(redis_keys.owners_begun("fake")) == 0


def test_only_jobs_that_wait_are_moved_or_cancelled(store: Ledger) -> None:
    job = claim(store, accept(store, completion()))
    assert store.admission.waiting("fake", 10) == []
    assert store.admission.move([job.id, "none"], "other") == 0
    assert store.admission.cancel_many(["none"]) == 0
