"""Following jobs through one pub/sub connection."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from flask import Flask

from app.factory import create_app
from app.jobs.follow import follow
from app.services.services import Services
from tasks.ledger import redis_keys
from tasks.ledger.leases import WRITTEN, Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.records.event import START, Cursor, Event, encode_token
from tasks.records.job import Job
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.jobs import completion

NUM_TOKENS = 300


@pytest.fixture
def services(settings: Settings, client: redis.Redis) -> Iterator[Services]:
    app: Flask = create_app(settings.model_copy(update={"models_file": None}))
    found: Services = app.extensions["caravan"]
    yield found
    found.hub.close()
    found.redis.close()


def accept(store: Ledger) -> Job:
    job = completion(model="demo")
    store.admission.submit(job, longest_queue=100)
    return job


def produce(store: Ledger, job: Job, disturb: dict[int, redis.Redis] | None = None) -> str:
    """Play a worker: tokens one by one, a change of worker in the middle, and the end."""
    claimed = store.leases.claim(job.id, Holder(job.id, ""), model="demo", call=uuid.uuid4().hex).job
    assert claimed is not None
    number = 1
    for at in range(NUM_TOKENS):
        if disturb and at in disturb:
            disturb[at].execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
        if at == NUM_TOKENS // 2:
            store.workers.release("demo", job.id)
            claimed = store.leases.claim(job.id, Holder(job.id, ""), model="demo", call=uuid.uuid4().hex).job
            assert claimed is not None
            number = 1
        token = encode_token(index=0, text=f"{at} ", tokens=[at], finish_reason=None)
        assert store.leases.append(Holder(job.id, ""), [Append(job.id, claimed.fence, number, [token])])[0] in WRITTEN
        number += 1
    text = "".join(f"{at} " for at in range(NUM_TOKENS))
    usage = Usage(prompt_tokens=1, completion_tokens=NUM_TOKENS)
    endings.succeed(
        store.leases,
        Holder(job.id, ""),
        job.id,
        claimed.fence,
        number - 1,
        Outcome(choices=(Choice(index=0, text=text, finish_reason="stop"),), usage=usage),
    )
    return text


def watch(services: Services, job: Job) -> list[Event]:
    return [event for event in follow(services, job.id, silence_seconds=1.0) if event.type != "silence"]


def test_every_reader_gets_every_event_once_whenever_it_joins(services: Services, store: Ledger) -> None:
    jobs = [accept(store) for _ in range(4)]
    with ThreadPoolExecutor(24) as pool:
        readers = [(job, pool.submit(watch, services, job)) for job in jobs for _ in range(3)]
        producers = [pool.submit(produce, store, job) for job in jobs]
        readers += [(job, pool.submit(watch, services, job)) for job in jobs for _ in range(2)]
        (text,) = {producer.result() for producer in producers}
    for _, reader in readers:
        events = reader.result()
        assert "".join(event.text for event in events) == text
        assert len({event.cursor for event in events}) == len(events)
        assert events[-1].type == "done"


def test_a_cut_connection_neither_loses_nor_doubles_events(
    services: Services, store: Ledger, client: redis.Redis
) -> None:
    job = accept(store)
    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(watch, services, job) for _ in range(3)]
        text = produce(store, job, disturb=dict.fromkeys((30, 120, 200), client))
    for reader in readers:
        events = reader.result()
        assert "".join(event.text for event in events) == text
        assert len({event.cursor for event in events}) == len(events)


def test_a_reader_goes_on_after_any_cursor(services: Services, store: Ledger) -> None:
    job = accept(store)
    produce(store, job)
    found = services.ledger.jobs.get(job.id)
    assert found is not None
    events = watch(services, found)
    for at in (0, 1, 100, len(events) - 2):
        assert list(follow(services, found.id, after=events[at].cursor)) == events[at + 1 :]
    assert list(follow(services, found.id, after=events[-1].cursor)) == []
    assert list(follow(services, found.id, after=START)) == events


def test_silence_is_reported_so_that_a_caller_can_act(services: Services, store: Ledger) -> None:
    job = accept(store)
    stream = follow(services, job.id, silence_seconds=0.05)
    assert [next(stream).type for _ in range(3)] == ["status", "silence", "silence"]
    threading.Timer(0.1, lambda: store.admission.cancel(job.id)).start()
    assert [event.status for event in stream if event.type != "silence"] == ["cancelled"]


def test_the_stream_of_a_job_that_vanishes_ends(services: Services, store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    stream = follow(services, job.id, silence_seconds=0.05)
    assert next(stream) is not None
    client.flushall()
    assert [event for event in stream if event] == []


def test_readers_that_leave_are_forgotten(services: Services, store: Ledger, client: redis.Redis) -> None:
    job = accept(store)
    channel = redis_keys.event_channel(job.id)
    with services.hub.subscribe(channel), services.hub.subscribe(channel):
        assert client.pubsub_numsub(channel)[0][1] == 1
    for _ in range(100):
        if client.pubsub_numsub(channel)[0][1] == 0:
            return
    raise AssertionError("the channel is still subscribed")


def test_a_cursor_from_the_future_ends_with_the_job(services: Services, store: Ledger) -> None:
    job = accept(store)
    stream = follow(services, job.id, after=Cursor(10**14, 0), silence_seconds=0.05)
    assert next(stream).type == "silence"
    store.admission.cancel(job.id)
    assert [event for event in stream if event] == []
