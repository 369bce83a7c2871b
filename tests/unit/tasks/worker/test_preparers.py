"""Jobs are prepared beside the thread that claims, in the order of the claims; those that take long beside others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.errors import InvalidRequest
from tasks.records.job import Operation
from tasks.worker.claimer import Claimer
from tasks.worker.embedding_runner import Embedding
from tasks.worker.held import Held, Holdings
from tasks.worker.preparers import LARGE, Preparers, is_large
from tests.support.job_records import MakeJob

SECONDS = 10


class Work:
    """Notes what is prepared. A job that is to `hang` waits in its preparation."""

    num_slots = 4

    def __init__(self) -> None:
        self.hang: set[str] = set()
        self.begun: list[str] = []
        self.submitted: list[tuple[str, bool]] = []
        self.go = threading.Event()
        self.engine = SimpleNamespace(abort=lambda held: None)

    def num_parts(self, job: Any) -> int:
        return 1

    def takes_long(self, job: Any) -> bool:
        return bool(job.id.startswith("grammar"))

    def prepare(self, held: Held) -> None:
        self.begun.append(held.id)
        if held.id in self.hang:
            assert self.go.wait(SECONDS)
        if held.id == "bad":
            raise InvalidRequest("no")
        if held.id == "broken":
            raise ZeroDivisionError

    def submit(self, held: Held, events: Any, *, alone: bool) -> bool:
        self.submitted.append((held.id, alone))
        return True

    def answer_small(self, job: Any) -> dict[str, Any]:
        self.begun.append(job.id)
        return {}


class Ends:
    """In the place of the publisher."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def fail(self, held: Held, error: Any) -> None:
        self.ended.append((held.id, error.code))

    def finish(self, held: Held) -> None:
        self.ended.append((held.id, ""))


class Hall:
    def __init__(self) -> None:
        self.work, self.ends, self.holdings = Work(), Ends(), Holdings()
        given: dict[str, Any] = {"client": None, "work": self.work, "publisher": self.ends}
        self.preparers = Preparers(**given, holdings=self.holdings, until_redis_answers=lambda call: call())  # type: ignore[arg-type]

    def held(self, job: Any) -> Held:
        held = Held(job)
        self.holdings.add(held)
        return held

    @contextmanager
    def running(self) -> Iterator[None]:
        runs: list[Callable[[], None]] = [self.preparers.run]
        runs += [partial(self.preparers.run_slow, clock) for clock in self.preparers.slow_clocks]
        threads = [threading.Thread(target=run, daemon=True) for run in runs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.work.go.set()
            self.preparers.stop()
            for thread in threads:
                thread.join(SECONDS)
        assert not any(thread.is_alive() for thread in threads)
        assert self.preparers.idle


def until(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(SECONDS * 1000):
        if condition():
            return
        waited.wait(0.001)
    pytest.fail("it did not come to be")


def test_jobs_are_prepared_in_the_order_in_which_they_were_claimed(make_job: MakeJob) -> None:
    hall, names = Hall(), [f"j{number}" for number in range(20)]
    with hall.running():
        for name in names:
            hall.preparers.put(hall.held(make_job(id=name)))
    assert hall.work.submitted == [(name, False) for name in names]


@pytest.mark.parametrize(
    "long", [{"id": "grammar"}, {"id": "large", "request": {"messages": [{"role": "user", "content": "x" * LARGE}]}}]
)
def test_a_job_that_takes_long_is_waited_for_by_none(make_job: MakeJob, long: dict[str, Any]) -> None:
    hall = Hall()
    hall.work.hang.add(long["id"])
    with hall.running():
        hall.preparers.put(hall.held(make_job(**long)))
        hall.preparers.put(hall.held(make_job(id="short")))
        until(lambda: hall.work.submitted == [("short", False)])
        assert not hall.preparers.idle
    assert (long["id"], False) in hall.work.submitted


def test_one_that_is_tried_alone_is_never_handed_on(make_job: MakeJob) -> None:
    hall = Hall()
    hall.preparers.put(hall.held(make_job(id="grammar")), alone=True)
    hall.preparers.stop()
    hall.preparers.run()
    assert hall.work.submitted == [("grammar", True)]


def test_a_job_that_was_lost_while_it_waited_is_not_prepared(make_job: MakeJob) -> None:
    hall = Hall()
    held = hall.held(make_job())
    hall.preparers.put(held)
    hall.holdings.drop(held)
    with hall.running():
        pass
    assert hall.work.begun == []


def test_what_cannot_be_prepared_ends_its_own_job_alone(make_job: MakeJob) -> None:
    hall = Hall()
    with hall.running():
        for name in ("bad", "broken", "good"):
            hall.preparers.put(hall.held(make_job(id=name)))
    assert hall.ends.ended == [("bad", "invalid_value"), ("broken", "engine_failure")]
    assert hall.work.submitted == [("good", False)]


def claimer_of(hall: Hall, jobs: dict[str, Any], claimed: list[str], trials: list[str]) -> Claimer:
    """One that has each of the jobs given to it when it claims it, and that notes what is tried alone."""
    claim = lambda calls, *_, **__: [SimpleNamespace(job=jobs[job_id], status="") for job_id in calls]  # noqa: E731
    begin = lambda worker, job_id: trials.append(job_id)  # noqa: E731
    workers = SimpleNamespace(begin_trial=begin, end_trial=lambda worker: None)
    ledger: Any = SimpleNamespace(leases=SimpleNamespace(claim_many=claim), workers=workers)
    holder: Any = SimpleNamespace(worker="w1")
    return Claimer(
        holder=holder,
        model="demo",
        ledger=ledger,
        work=hall.work,  # type: ignore[arg-type]
        holdings=hall.holdings,
        preparers=hall.preparers,
        until_redis_answers=lambda call: call(),  # type: ignore[arg-type]
        on_claimed=claimed.append,
        on_refused=lambda job_id, status: None,
    )


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.TOKENIZE, Operation.APPLY_TEMPLATE])
def test_nothing_of_a_job_is_done_on_the_thread_that_claims_it(make_job: MakeJob, operation: Operation) -> None:
    hall = Hall()
    jobs = {name: make_job(id=name, operation=operation) for name in ("one", "two")}
    claimed: list[str] = []
    claimer = claimer_of(hall, jobs, claimed, [])
    for name in jobs:
        claimer.claim(name)
    thread = threading.Thread(target=claimer.run)
    thread.start()
    until(lambda: claimed == ["one", "two"])
    claimer.stop()
    thread.join(SECONDS)
    assert hall.work.begun == []
    assert hall.holdings.num_open == 2
    with hall.running():
        pass
    assert hall.work.begun == ["one", "two"]


@pytest.mark.parametrize(
    ("request_", "large"),
    [
        ({"content": "x" * (LARGE - 100)}, False),
        ({"content": "x" * LARGE}, True),
        ({"prompt": [[1] * LARGE]}, True),
        ({"input": ["x"] * LARGE}, True),
        ({"messages": [{"role": "user", "content": "x" * (LARGE // 2)}] * 2}, True),
        ({"sampling": {"n": 1}}, False),
    ],
)
def test_a_request_is_large_by_its_text_and_its_token_ids(request_: dict[str, Any], large: bool) -> None:
    assert is_large(request_) is large


def test_a_job_of_another_kind_does_not_stop_an_embedding_worker_from_claiming(make_job: MakeJob) -> None:
    """One that waited while the model's entry became one of that kind; its preparation ends it."""
    runner = Embedding(FakeEmbeddingBackend(num_slots=1, context=8))
    assert runner.num_parts(make_job(request={"messages": []})) == 0


def test_a_suspect_that_waits_for_the_others_is_not_begun_beside_them_when_the_worker_stops(make_job: MakeJob) -> None:
    hall, claimed, trials = Hall(), list[str](), list[str]()
    hall.work.hang = {"grammar"}
    claimer = claimer_of(hall, {"suspect": make_job(id="suspect", alone=True)}, claimed, trials)
    with hall.running():
        hall.preparers.put(hall.held(make_job(id="grammar")))
        until(lambda: hall.work.begun == ["grammar"])
        claimer.claim("suspect")
        thread = threading.Thread(target=claimer.run)
        thread.start()
        until(lambda: claimed == ["suspect"])
        claimer.stop()
        thread.join(SECONDS)
    assert not thread.is_alive()
    assert trials == []
    assert hall.work.begun == ["grammar"]
