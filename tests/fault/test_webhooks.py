"""Webhooks while receivers fail, clerks are killed and Redis goes away: each end of a job is told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.records.job import Job
from tasks.records.outcome import Delivery
from tests.support.crew import Ledger
from tests.support.jobs import completion, verdict
from tests.support.processes import Process
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Reply, Request
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

ENV = {
    "CARAVAN_WEBHOOK_SECRET": SECRET,
    "CARAVAN_WEBHOOK_NETWORKS": LOOPBACK,
    "CARAVAN_WEBHOOK_SCHEDULE": "0.2,0.2,0.2,0.2,0.2",
    "CARAVAN_WEBHOOK_TIMEOUT_SECONDS": "3",
    "CARAVAN_WEBHOOK_CONNECTIONS": "8",
    "CARAVAN_UNCLAIMED_SECONDS": "1",
}
Start = Callable[[], Process]


@pytest.fixture
def ledger(own_server: RedisServer) -> Iterator[Ledger]:
    reading = Ledger(own_server.url)
    yield reading
    reading.close()


@pytest.fixture
def clerk(own_server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts clerks. None of them says where a webhook goes beyond its origin."""
    started: list[Process] = []

    def start() -> Process:
        log = tmp_path / f"clerk-{len(started)}.log"
        process = Process(["-m", "app.cli", "clerk"], env={**ENV, "CARAVAN_REDIS_URL": own_server.url}, log=log)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()
        assert "hook?token" not in process.output()
        assert "Traceback" not in process.output(), process.output()


def ended(ledger: Ledger, url: str) -> Job:
    job = completion(webhook=url + "?token=secret")
    assert verdict(ledger.store.admission.submit(job, longest_queue=1000)) == "accepted"
    ledger.store.admission.cancel(job.id)
    return job


def delivery(ledger: Ledger, job: Job) -> Delivery:
    return ledger.job(job).delivery


def settled(ledger: Ledger, job: Job, *, seconds: float = 30) -> Delivery:
    return until(
        lambda: found if (found := delivery(ledger, job)).status != "pending" else None,
        seconds=seconds,
        what="the webhook is settled",
    )


def no_traces(ledger: Ledger) -> bool:
    return not list(ledger.redis.scan_iter("caravan:hook*"))


def test_a_receiver_that_fails_for_a_while_is_told_at_last(ledger: Ledger, clerk: Start) -> None:
    clerk()
    replies = [Reply(500), Reply(302, {"Location": "http://127.0.0.1:1/"}), Reply(seconds=4), Reply(200)]
    with Receiver(lambda number, _: replies[number]) as receiver:
        job = ended(ledger, receiver.url)
        assert settled(ledger, job) == Delivery(status="delivered", attempts=4, last_status=200)
    assert [request.path for request in receiver.requests] == ["/hook?token=secret"] * 4
    assert len({request.message_id for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
    for request in receiver.requests:
        assert request.verified()["data"]["id"] == job.id
    assert until(lambda: no_traces(ledger))


def test_a_receiver_that_never_takes_it_is_given_up(ledger: Ledger, clerk: Start) -> None:
    clerk()
    with Receiver(lambda *_: Reply(500)) as receiver:
        job = ended(ledger, receiver.url)
        assert settled(ledger, job) == Delivery(status="failed", attempts=6, last_status=500)
        assert len(receiver.requests) == 6


def test_a_receiver_that_is_gone_is_asked_no_more(ledger: Ledger, clerk: Start) -> None:
    clerk()
    with Receiver(lambda *_: Reply(410)) as receiver:
        job = ended(ledger, receiver.url)
        assert settled(ledger, job) == Delivery(status="failed", attempts=1, last_status=410)
        assert len(receiver.requests) == 1


def test_a_clerk_that_is_killed_in_the_middle_is_one_that_sends_again(ledger: Ledger, clerk: Start) -> None:
    asked = threading.Event()

    def hang_once(number: int, request: Request) -> Reply:
        asked.set()
        return Reply(200, seconds=30 if number == 0 else 0)

    first = clerk()
    with Receiver(hang_once) as receiver:
        job = ended(ledger, receiver.url)
        assert asked.wait(20)
        first.kill()
        waiting = [ended(ledger, receiver.url) for _ in range(20)]
        assert delivery(ledger, job) == Delivery()
        clerk()
        for each in (job, *waiting):
            assert settled(ledger, each).status == "delivered"
        told = Counter(request.verified()["data"]["id"] for request in receiver.requests)
        assert told == {job.id: 2, **{each.id: 1 for each in waiting}}
        assert len({request.message_id for request in receiver.requests}) == 21


def test_a_clerk_that_is_told_to_stop_ends_what_it_sends(ledger: Ledger, clerk: Start) -> None:
    asked = threading.Event()

    def slowly(number: int, request: Request) -> Reply:
        asked.set()
        return Reply(200, seconds=1)

    process = clerk()
    with Receiver(slowly) as receiver:
        job = ended(ledger, receiver.url)
        assert asked.wait(20)
        assert process.stop() == 0
        assert delivery(ledger, job).status == "delivered"
        assert len(receiver.requests) == 1


def test_an_absence_of_redis_delays_webhooks_and_loses_none(
    ledger: Ledger, clerk: Start, own_server: RedisServer
) -> None:
    process = clerk()
    asked = threading.Event()

    def slowly(number: int, request: Request) -> Reply:
        asked.set()
        return Reply(200, seconds=1.5)

    with Receiver(slowly) as receiver:
        jobs = [ended(ledger, receiver.url) for _ in range(6)]
        assert asked.wait(20)
        own_server.kill()
        time.sleep(3)
        own_server.start()
        for job in jobs:
            assert settled(ledger, job).status == "delivered"
        told = Counter(request.verified()["data"]["id"] for request in receiver.requests)
    assert set(told) == {job.id for job in jobs}
    assert process.running


def test_a_clerk_that_starts_while_redis_has_no_memory_left_sends_webhooks(ledger: Ledger, clerk: Start) -> None:
    with Receiver(lambda number, _: Reply(500 if number < 3 else 204)) as receiver:
        jobs = [completion(webhook=receiver.url) for _ in range(5)]
        for job in jobs:
            ledger.store.admission.submit(job, longest_queue=1000)
        ledger.redis.config_set("maxmemory", 1)
        clerk()
        for job in jobs:
            ledger.store.admission.cancel(job.id)
        for job in jobs:
            assert settled(ledger, job).status == "delivered"
        assert len(receiver.requests) == 8
    ledger.redis.config_set("maxmemory", 0)


def test_a_slow_receiver_holds_up_no_other(ledger: Ledger, clerk: Start) -> None:
    clerk()
    with Receiver(lambda *_: Reply(seconds=30)) as slow, Receiver() as quick:
        stuck = [ended(ledger, slow.url) for _ in range(40)]
        until(lambda: slow.requests, what="the slow one has been asked")
        began = time.monotonic()
        jobs = [ended(ledger, quick.url) for _ in range(40)]
        for job in jobs:
            assert settled(ledger, job).status == "delivered"
        assert time.monotonic() - began < 10
        assert len(quick.requests) == 40
        assert all(delivery(ledger, job).status == "pending" for job in stuck)


def test_many_webhooks_are_each_sent_once_by_two_clerks(ledger: Ledger, clerk: Start) -> None:
    with Receiver() as one, Receiver() as two:
        jobs = [ended(ledger, receiver.url) for receiver in (one, two) for _ in range(150)]
        clerk()
        clerk()
        for job in jobs:
            assert settled(ledger, job).status == "delivered"
        told = Counter(request.message_id for receiver in (one, two) for request in receiver.requests)
        assert (len(told), set(told.values())) == (300, {1})
        assert until(lambda: no_traces(ledger))
