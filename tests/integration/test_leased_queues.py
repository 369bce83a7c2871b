"""One suite over every queue with leases: jobs, batches and deliveries behave alike, from every state.

An operation is asked in every state, under the number of a hold that is lost, and twice. What each queue's operations
are called, and what its scripts are, is told by an adapter.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tasks.batches.batch import Batch, OutputFile, new_id
from tasks.batches.store import BatchStore
from tasks.files.folder import Folder
from tasks.files.record import File, Purpose
from tasks.files.record import new_id as new_file_id
from tasks.files.store import FileStore
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.records.job import Job
from tasks.records.outcome import Outcome, Usage
from tasks.webhooks.outbox import Held, Outbox
from tests.support import endings
from tests.support.jobs import completion
from tests.support.waiting import until

LEASE, UNCLAIMED, DAY = 0.4, 0.2, 86_400
OUTCOME = Outcome(choices=(), usage=Usage(prompt_tokens=1, completion_tokens=0))
HOLDS: dict[str, Holder] = {name: Holder(name, "digest") for name in ("one", "two")}


class Queue(ABC):
    """A queue with one entry. `hold` is what a claim gave; calls tell whether they took effect."""

    extends = True
    """Whether a hold can be made longer; a delivery's lasts for one attempt."""

    @abstractmethod
    def enter(self) -> None: ...
    @abstractmethod
    def post(self) -> bool:
        """Publish what there is room for, and mend what was lost; whether the entry was published."""

    @abstractmethod
    def claim(self, holder: str) -> object | None: ...
    @abstractmethod
    def extend(self, hold: object) -> bool: ...
    @abstractmethod
    def release(self, hold: object) -> bool:
        """Put the entry back, to be published again at once."""

    @abstractmethod
    def finish(self, hold: object) -> bool: ...


class JobQueue(Queue):
    def __init__(self, client: redis.Redis) -> None:
        self._ledger = Ledger.over(
            client, result_ttl=DAY, lease_seconds=LEASE, unclaimed_seconds=UNCLAIMED, ageing_seconds=9
        )
        self._job = completion()

    def enter(self) -> None:
        self._ledger.admission.submit(self._job, longest_queue=9)

    def post(self) -> bool:
        self._ledger.workers.report("fake", "one", 60, {"slots": 2, "capacity": 2})
        self._ledger.line.sweep("fake")
        return self._job.id in self._ledger.line.take("fake")

    def claim(self, holder: str) -> object | None:
        return self._ledger.leases.claim(
            self._job.id, HOLDS[holder], model="fake", call=f"{holder}-{time.monotonic()}"
        ).job

    def extend(self, hold: object) -> bool:
        job, holder = self._held(hold)
        return not self._ledger.leases.extend(holder, "fake", {job.id: job.fence})

    def release(self, hold: object) -> bool:
        job, holder = self._held(hold)
        return self._ledger.leases.give_back(holder, job.id, job.fence, 0) == "ok"

    def finish(self, hold: object) -> bool:
        job, holder = self._held(hold)
        return endings.succeed(self._ledger.leases, holder, job.id, job.fence, 0, OUTCOME) == "ok"

    def _held(self, hold: object) -> tuple[Job, Holder]:
        assert isinstance(hold, Job)
        assert hold.worker is not None
        return hold, HOLDS[hold.worker]


class BatchQueue(Queue):
    def __init__(self, client: redis.Redis, folder: Path) -> None:
        self._store = BatchStore(client, most=1, lease_seconds=LEASE, unclaimed_seconds=UNCLAIMED, ttl=DAY)
        self._files = FileStore(client, Folder(folder))
        self._input = File(id=new_file_id(), owner="a", filename="in", purpose=Purpose.BATCH, parts=())
        output, error = OutputFile(id=new_file_id()), OutputFile(id=new_file_id())
        self._batch = Batch(
            id=new_id(), owner="a", endpoint="/v1/chat/completions", input_file_id=self._input.id,
            completion_window="24h", output=output, error=error,
        )  # fmt: skip

    def enter(self) -> None:
        self._files.keep(self._input, expires_in=None)
        assert self._store.create(self._batch, window_seconds=DAY, files_of="a") == "created"

    def post(self) -> bool:
        return self._batch.id in self._store.post()

    def claim(self, holder: str) -> object | None:
        return self._store.claim(self._batch.id, holder)

    def extend(self, hold: object) -> bool:
        assert isinstance(hold, Batch)
        return self._store.extend(hold) is not None

    def release(self, hold: object) -> bool:
        assert isinstance(hold, Batch)
        return self._store.release(hold)

    def finish(self, hold: object) -> bool:
        assert isinstance(hold, Batch)
        return self._store.write(hold, {}, status=type(hold.status).FAILED) == "ok"


class DeliveryQueue(Queue):
    extends = False

    def __init__(self, client: redis.Redis) -> None:
        self._ledger = Ledger.over(client, result_ttl=DAY, lease_seconds=9, unclaimed_seconds=9, ageing_seconds=9)
        self._outbox = Outbox(client, connections=1, share=1, unclaimed=UNCLAIMED, lease=LEASE)
        self._job = completion(webhook="https://receiver.example/hook")

    def enter(self) -> None:
        self._ledger.admission.submit(self._job, longest_queue=9)
        self._ledger.admission.cancel(self._job.id)

    def post(self) -> bool:
        return self._job.id in self._outbox.post()

    def claim(self, holder: str) -> object | None:
        return self._outbox.claim(self._job.id)

    def extend(self, hold: object) -> bool:
        raise NotImplementedError

    def release(self, hold: object) -> bool:
        assert isinstance(hold, Held)
        return self._outbox.settle(hold, "pending", seconds=0, error="connect")

    def finish(self, hold: object) -> bool:
        assert isinstance(hold, Held)
        return self._outbox.settle(hold, "failed", status=410)


@pytest.fixture(params=["jobs", "batches", "deliveries"])
def queue(request: pytest.FixtureRequest, client: redis.Redis, tmp_path: Path) -> Queue:
    made: dict[str, Callable[[], Queue]] = {
        "jobs": lambda: JobQueue(client),
        "batches": lambda: BatchQueue(client, tmp_path),
        "deliveries": lambda: DeliveryQueue(client),
    }
    return made[request.param]()


def held(queue: Queue, holder: str = "one") -> object:
    until(queue.post, seconds=3, what="it is published")
    hold = queue.claim(holder)
    assert hold is not None
    return hold


def lose(queue: Queue) -> object:
    """A hold whose lease ran out; the entry is published again."""
    hold = held(queue)
    until(queue.post, seconds=3, what="the lease runs out, and it is published again")
    return hold


def test_what_was_never_entered_is_neither_published_nor_held(queue: Queue) -> None:
    assert not queue.post()
    assert queue.claim("one") is None


def test_it_is_published_once_and_held_by_one(queue: Queue) -> None:
    queue.enter()
    assert queue.post()
    assert not queue.post()
    assert queue.claim("one") is not None
    assert queue.claim("two") is None, "the message came twice"
    assert not queue.post()


def test_a_message_that_is_lost_is_published_again(queue: Queue) -> None:
    queue.enter()
    assert queue.post()
    until(queue.post, seconds=3, what="it is published again")
    assert queue.claim("one") is not None


def test_a_hold_lasts_as_long_as_it_is_extended(queue: Queue) -> None:
    if not queue.extends:
        pytest.skip("an attempt is not extended")
    queue.enter()
    hold = held(queue)
    for _ in range(4):
        time.sleep(LEASE / 2)
        assert queue.extend(hold)
        assert not queue.post()


def test_what_is_put_back_is_published_again_and_its_hold_is_over(queue: Queue) -> None:
    queue.enter()
    hold = held(queue)
    assert queue.release(hold)
    assert queue.post()
    assert not queue.extends or not queue.extend(hold)
    assert queue.claim("two") is not None


def test_what_has_ended_is_not_published_nor_held_nor_put_back(queue: Queue) -> None:
    queue.enter()
    hold = held(queue)
    assert queue.finish(hold)
    time.sleep(LEASE + UNCLAIMED)
    assert not queue.post()
    assert queue.claim("two") is None
    assert not queue.release(hold)
    assert not queue.extends or not queue.extend(hold)


@pytest.mark.parametrize("claimed", [False, True], ids=["before another holds it", "while another holds it"])
@pytest.mark.parametrize("operation", ["extend", "release", "finish"])
def test_a_hold_that_is_lost_changes_nothing(queue: Queue, operation: str, claimed: bool) -> None:
    if operation == "extend" and not queue.extends:
        pytest.skip("an attempt is not extended")
    queue.enter()
    lost = lose(queue)
    if not claimed and isinstance(queue, DeliveryQueue):
        pytest.skip("its attempt is over, whoever says so, until the next one begins")
    new = queue.claim("two") if claimed else None
    assert not getattr(queue, operation)(lost)
    hold = new or queue.claim("two")
    assert hold is not None
    assert queue.finish(hold)


@pytest.mark.parametrize("operation", ["release", "finish"])
def test_an_end_said_twice_is_said_once(queue: Queue, operation: str) -> None:
    queue.enter()
    hold = held(queue)
    assert getattr(queue, operation)(hold)
    getattr(queue, operation)(hold)  # the reply was lost: what it answers is each queue's own matter
    assert queue.post() == (operation == "release")
