"""A real worker process with the fake model: the seam between Celery, the ledger and the engine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tasks.ledger import event_stream, redis_keys
from tasks.ledger.ledger import Ledger
from tasks.ledger.overview import health
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.job import Job, JobStatus, Priority
from tasks.settings import Settings
from tests.support.fake_worker import fake_worker
from tests.support.jobs import completion
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODELS = "models: {fake: {path: fake, slots: 4, context: 256, kv_tokens: 512}}"


@pytest.fixture
def dispatcher(settings: Settings, store: Ledger) -> Dispatcher:
    return Dispatcher(store.line, create_publisher(settings))


@pytest.fixture
def queue(store: Ledger, dispatcher: Dispatcher) -> QueueService:
    return QueueService(store.admission, store.wants, dispatcher, longest_queue=1000)


@pytest.fixture
def broker(redis_server: RedisServer) -> Iterator[redis.Redis]:
    client = redis.Redis(port=redis_server.port, db=1, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def worker(client: redis.Redis, settings: Settings, tmp_path: Path) -> Iterator[Process]:
    with fake_worker(client, settings, tmp_path, models=MODELS) as process:
        yield process


def ended(store: Ledger, job: Job) -> Job | None:
    found = store.jobs.get(job.id)
    return found if found and found.status.ended else None


def test_many_jobs_share_the_batches_and_each_gets_its_own_text(
    worker: Process, store: Ledger, queue: QueueService
) -> None:
    jobs = [completion(f"prompt {n % 5}", sampling={"max_tokens": 20, "ignore_eos": True}) for n in range(20)]
    began = time.monotonic()
    for job in jobs:
        queue.submit(job)
    done = [until(lambda job=job: ended(store, job)) for job in jobs]  # type: ignore[misc]
    seconds = time.monotonic() - began
    texts = [job.outcome.choices[0].text for job in done if job.outcome]
    assert len(texts) == 20
    assert len(set(texts)) == 5
    assert all(texts[n] == texts[n % 5] for n in range(20))
    assert seconds < 20 * 20 * 0.02, "one after the other they would take eight seconds"


def num_tokens(client: redis.Redis, job: Job) -> int:
    return sum(len(event.tokens) for event in event_stream.read(client, job.id))


def num_token_events(client: redis.Redis, job: Job) -> int:
    return sum(event.type == "token" for event in event_stream.read(client, job.id))


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.LOW])
def test_tokens_that_nobody_reads_are_written_together(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis, priority: Priority
) -> None:
    job = completion(sampling={"max_tokens": 60, "ignore_eos": True}, priority=priority)
    queue.submit(job)
    done = until(lambda: ended(store, job))
    assert done.outcome is not None
    assert num_token_events(client, job) < 20
    assert "".join(event.text for event in event_stream.read(client, job.id)) == done.outcome.choices[0].text


def test_who_comes_to_a_job_that_nobody_read_sees_each_step(
    worker: Process, queue: QueueService, store: Ledger, client: redis.Redis
) -> None:
    job = completion(sampling={"max_tokens": 200, "ignore_eos": True}, priority=Priority.LOW)
    queue.submit(job)
    until(lambda: num_token_events(client, job) >= 2)
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(redis_keys.event_channel(job.id))
        event_stream.tell_followed(client, job.id)
        until(lambda: ended(store, job))
    assert num_token_events(client, job) > 60


def test_the_broker_may_repeat_or_invent_messages(
    worker: Process,
    store: Ledger,
    queue: QueueService,
    dispatcher: Dispatcher,
    broker: redis.Redis,
    client: redis.Redis,
) -> None:
    job = completion(sampling={"max_tokens": 60, "ignore_eos": True})
    queue.submit(job)
    for _ in range(10):
        dispatcher.publish(job.id, "fake")
        dispatcher.publish("no-such-job", "fake")
    done = until(lambda: ended(store, job))
    assert (done.status, done.attempt) == (JobStatus.SUCCEEDED, 1)
    cursors = [event.cursor for event in event_stream.read(client, job.id)]
    assert len(cursors) == len(set(cursors))
    until(lambda: broker.llen("fake") == 0, what="every message is acknowledged")
    for prompt in ("a", "b", "c", "d", "e", "f", "g", "h"):  # the prefetch credit is all there
        queue.submit(completion(prompt))
    until(lambda: client.zcard(redis_keys.pending("fake")) == 0)


def test_a_broker_that_forgets_everything_loses_no_job(
    worker: Process, store: Ledger, queue: QueueService, broker: redis.Redis
) -> None:
    jobs = [completion(f"{n}", sampling={"max_tokens": 30, "ignore_eos": True}) for n in range(16)]
    for job in jobs:
        queue.submit(job)
        broker.delete("fake")
    assert {until(lambda job=job: ended(store, job)).status for job in jobs} == {JobStatus.SUCCEEDED}  # type: ignore[misc]


def test_a_stopping_worker_gives_back_what_it_cannot_finish(
    worker: Process, store: Ledger, queue: QueueService, broker: redis.Redis, client: redis.Redis
) -> None:
    short = completion("short", sampling={"max_tokens": 10, "ignore_eos": True})
    long = [completion(f"{n}", sampling={"max_tokens": 200, "ignore_eos": True}) for n in range(6)]
    for job in (short, *long):
        queue.submit(job)
    until(lambda: client.zcard(redis_keys.running("fake")) >= 4)
    assert worker.stop(signal.SIGTERM) == 0
    assert ended(store, short)
    given_back = [store.jobs.get(job.id) for job in long]
    assert {job.status for job in given_back if job} == {JobStatus.QUEUED}
    assert client.zcard(redis_keys.running("fake")) == 0
    assert client.zcard(redis_keys.workers("fake")) == 0
    before = {job.id: len(event_stream.read(client, job.id)) for job in long}
    worker.start()
    for job in long:
        done = until(lambda job=job: ended(store, job))  # type: ignore[misc]
        assert done.status is JobStatus.SUCCEEDED
        assert done.outcome is not None
        assert done.outcome.usage.completion_tokens == 200
        events = event_stream.read(client, job.id)
        assert len(events) > before[job.id]
        assert "".join(event.text for event in events) == done.outcome.choices[0].text
    assert store.jobs.get(long[0].id).attempt >= 2  # type: ignore[union-attr]


def test_a_killed_worker_resumes_where_its_stream_ends(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    undisturbed, job = (completion("once upon", sampling={"max_tokens": 150, "ignore_eos": True}) for _ in range(2))
    queue.submit(undisturbed)
    expected = until(lambda: ended(store, undisturbed))
    queue.submit(job)
    until(lambda: num_tokens(client, job) > 20)
    worker.kill()
    worker.start()
    done = until(lambda: ended(store, job))
    assert done.attempt == 2
    assert expected.outcome is not None
    assert done.outcome is not None
    assert done.outcome.timings is not None
    made = done.outcome.timings.decode_seconds * (done.outcome.timings.tokens_per_second or 0)
    assert made < 140, "the tokens of the first attempt are not this one's speed"
    assert (expected.outcome.choices, expected.outcome.usage) == (done.outcome.choices, done.outcome.usage)
    assert "".join(event.text for event in event_stream.read(client, job.id)) == done.outcome.choices[0].text
    assert num_tokens(client, job) == 150


def test_a_cancelled_job_leaves_its_slot_at_once(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    hogs = [completion(f"{n}", sampling={"max_tokens": 250, "ignore_eos": True}) for n in range(4)]
    for job in hogs:
        queue.submit(job)
    until(lambda: client.zcard(redis_keys.running("fake")) == 4)
    waiting = completion("next")
    queue.submit(waiting)
    queue.cancel(hogs[0].id, owner="local")
    assert until(lambda: ended(store, waiting), seconds=3).status is JobStatus.SUCCEEDED
    assert store.jobs.get(hogs[1].id).status is JobStatus.RUNNING  # type: ignore[union-attr]
    for job in hogs[1:]:
        queue.cancel(job.id, owner="local")


def test_a_job_that_is_cancelled_and_at_once_retried_runs(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    for number in range(5):
        job = completion(f"{number}", sampling={"max_tokens": 30, "ignore_eos": True})
        queue.submit(job)
        until(lambda job=job: num_tokens(client, job) > 0)  # type: ignore[misc]
        queue.cancel(job.id, owner="local")
        queue.retry(job)
        done = until(lambda job=job: ended(store, job))  # type: ignore[misc]
        assert done.status is JobStatus.SUCCEEDED
        assert num_tokens(client, job) == 30


HOG = {"max_tokens": 200, "ignore_eos": True}


def test_low_jobs_give_their_slots_to_urgent_ones_and_go_on(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    hogs = [completion(f"{n}", sampling=HOG, priority=Priority.LOW) for n in range(6)]
    for job in hogs:
        queue.submit(job)
    until(lambda: client.zcard("caravan:yield:fake") == 4, what="all slots are taken")
    for n in range(3):
        urgent = completion(f"urgent {n}", priority=Priority.NORMAL)
        queue.submit(urgent)
        until(lambda urgent=urgent: ended(store, urgent), seconds=10)  # type: ignore[misc]
        assert not any(ended(store, job) for job in hogs)
    done = [until(lambda job=job: ended(store, job), seconds=30) for job in hogs]  # type: ignore[misc]
    assert [job.status for job in done] == [JobStatus.SUCCEEDED] * len(hogs)
    assert sum(job.attempt > 1 for job in done) >= 1
    undisturbed = [completion(str(job.request["prompt"]), sampling=HOG) for job in hogs]
    for alone in undisturbed:
        queue.submit(alone)
    for job, held, alone in zip(hogs, done, undisturbed, strict=True):
        events = event_stream.read(client, job.id)
        expected = until(lambda alone=alone: ended(store, alone), seconds=30)  # type: ignore[misc]
        assert held.outcome is not None
        assert expected.outcome is not None
        assert held.outcome.choices == expected.outcome.choices
        assert sum(len(event.tokens) for event in events) == 200
    assert client.exists("caravan:yield:fake") == 0


def test_a_low_job_whose_turn_came_by_age_gives_way_again(
    worker: Process, store: Ledger, queue: QueueService, client: redis.Redis
) -> None:
    """It keeps its slot for as long as it is spared, and the worker lives on after that."""
    low = completion("low", sampling=HOG, priority=Priority.LOW)
    queue.submit(low)
    until(lambda: client.zcard("caravan:yield:fake") == 1)
    held = store.jobs.get(low.id)
    assert held is not None
    hogs = [completion(f"{n}", sampling=HOG) for n in range(4)]
    client.hset(redis_keys.job(low.id), "in_vain", 2)  # the next claim is spared for ten seconds
    for job in hogs:
        queue.submit(job)
    until(lambda: store.jobs.get(low.id).attempt == 2, seconds=30)  # type: ignore[union-attr]
    assert until(lambda: ended(store, low), seconds=30).status is JobStatus.SUCCEEDED
    for job in hogs:
        until(lambda job=job: ended(store, job), seconds=30)  # type: ignore[misc]
    assert worker.running


def test_a_prompt_that_is_too_long_fails_with_the_fields_name(
    worker: Process, store: Ledger, queue: QueueService
) -> None:
    job = completion("x" * 256)
    queue.submit(job)
    done = until(lambda: ended(store, job))
    assert done.status is JobStatus.FAILED
    assert done.error is not None
    assert (done.error["code"], done.error["param"]) == ("context_length_exceeded", "prompt")


def test_a_model_that_cannot_be_loaded_is_said_so(settings: Settings, tmp_path: Path, client: redis.Redis) -> None:
    (tmp_path / "models.yaml").write_text("models: {broken: {path: nothing.gguf}}")
    env = {"CARAVAN_REDIS_URL": settings.redis_url, "CARAVAN_MODELS_FILE": str(tmp_path / "models.yaml")}
    absent = Process(["-m", "tasks.worker", "absent"], env=env, log=tmp_path / "absent.log")
    absent.start()
    assert absent.stop(signal.SIGCONT) == 1
    assert "There is no model 'absent'" in absent.output()

    broken = Process(["-m", "tasks.worker", "broken", "--name", "w1"], env=env, log=tmp_path / "broken.log")
    broken.start()
    until(lambda: health(client, ["broken"])["broken"].failed(serving=False), what="it tells the ledger")
    (start,) = health(client, ["broken"])["broken"].starts
    assert (start.worker, start.state, start.phase) == ("w1", "failed", "loading")
    assert "there is no file" in start.reason
    assert broken.running, "it tries again: the file may come"
    assert broken.stop() == 0
    assert broken.output().count("the model cannot be served") == 1
    assert not health(client, ["broken"])["broken"].starts
