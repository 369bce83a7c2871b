"""The harness sees what is wrong: each test breaks one thing about a job that is well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tasks.records.event import Cursor, Event
from tests.fault.chaos.bodies import Order, undisturbed
from tests.fault.chaos.leftovers import broker_leftovers, ledger_leftovers
from tests.fault.chaos.verify import verify
from tests.support.sse import Received


@dataclass(slots=True)
class Case:
    """A job that two workers ran, and everything that is known of it."""

    order: Order
    job: dict[str, Any]
    stream: list[Event]
    seen: list[Received]
    known: str | None = "Once upon a time."
    was_cancelled: bool = False

    def kinds(self) -> set[str]:
        found = verify(
            self.order, self.job, self.stream, seen=self.seen, known=self.known, was_cancelled=self.was_cancelled
        )
        return {violation.kind for violation in found}


def case() -> Case:
    stream = [
        Event(Cursor(10, 0), "status", "queued"),
        Event(Cursor(11, 0), "status", "running"),
        Event(Cursor(11, 1), "token", text="Once", tokens=(1,)),
        Event(Cursor(11, 2), "token", tokens=(2,)),
        Event(Cursor(12, 0), "status", "queued"),
        Event(Cursor(13, 0), "status", "running"),
        Event(Cursor(13, 1), "token", text=" upon a", tokens=(3, 4)),
        Event(Cursor(13, 2), "token", text=" time.", tokens=(5,), finish_reason="stop"),
        Event(Cursor(14, 0), "done", "succeeded"),
    ]
    choice = {"index": 0, "message": {"content": "Once upon a time."}, "logprobs": None, "finish_reason": "stop"}
    job = {
        "id": "a",
        "status": "succeeded",
        "result": {"choices": [choice]},
        "error": None,
        "attempt": 2,
        "usage": {"completion_tokens": 5},
    }
    order = replace(undisturbed(0), body={"messages": []})
    return Case(order, job, stream, [_shown(event, job) for event in stream if event.type != "token" or event.text])


def _shown(event: Event, job: dict[str, Any]) -> Received:
    data: dict[str, Any] = {"status": event.status}
    if event.type == "token":
        data = {"index": event.index, "text": event.text}
    return Received(str(event.cursor), event.type, copy.deepcopy(job) if event.type == "done" else data)


def _choice(it: Case) -> dict[str, Any]:
    found: dict[str, Any] = it.job["result"]["choices"][0]
    return found


def _cancelled(it: Case) -> None:
    it.order = replace(it.order, cancel_after=1)
    it.job |= {"status": "cancelled", "result": None, "usage": None}
    it.stream[6:] = [Event(Cursor(14, 0), "done", "cancelled")]
    it.seen[5:] = [_shown(it.stream[-1], it.job)]


def test_a_job_that_is_well_violates_nothing() -> None:
    assert case().kinds() == set()


def test_neither_does_one_that_was_cancelled_as_asked() -> None:
    it = case()
    _cancelled(it)
    it.was_cancelled = True
    assert it.kinds() == set()


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lambda it: it.stream.pop(3), "tokens"),
        (lambda it: it.stream.pop(5), "tokens"),
        (lambda it: it.stream.pop(), "tokens"),
        (lambda it: it.stream.insert(8, replace(it.stream[7], cursor=Cursor(13, 3))), "tokens"),
        (lambda it: it.stream.append(Event(Cursor(15, 0), "done", "succeeded")), "tokens"),
        (lambda it: it.job["usage"].update(completion_tokens=6), "tokens"),
        (lambda it: setattr(it, "order", undisturbed(0)), "tokens"),  # which asks for 640 tokens
        (lambda it: it.seen.pop(2), "tokens"),
        (lambda it: it.seen.insert(3, it.seen[2]), "tokens"),
        (lambda it: it.seen.pop(), "tokens"),
        (lambda it: it.seen[2].data.update(text="Twice"), "tokens"),
        (lambda it: it.seen[-1].data.update(status="failed"), "text"),
        (lambda it: _choice(it)["message"].update(content="Once upon the time."), "text"),
        (lambda it: _choice(it).update(finish_reason="length"), "text"),
        (lambda it: setattr(it, "known", "Once upon a hill."), "text"),
        (lambda it: it.job.update(status="failed", result=None), "status"),
        (lambda it: it.job.update(result=None), "status"),
        (lambda it: setattr(it, "was_cancelled", True), "status"),
    ],
)
def test_whatever_is_broken_is_found(harm: Callable[[Case], object], kind: str) -> None:
    it = case()
    harm(it)
    assert kind in it.kinds()


def test_what_a_cancelled_job_said_must_be_a_beginning_of_the_known_text() -> None:
    it = case()
    _cancelled(it)
    it.known = "On a hill."
    assert it.kinds() == {"text"}


def test_traces_of_jobs_are_left_over_and_those_of_the_cluster_are_not() -> None:
    lasting = ["caravan:worker:demo-1", "caravan:totals:demo", "caravan:leader:sweep"]
    assert ledger_leftovers(lasting) == []
    assert len(ledger_leftovers([*lasting, "caravan:job:a", "caravan:job:b", "caravan:trial:demo-1", "x"])) == 3
    assert broker_leftovers({"_kombu.binding.demo": 1}) == []
    assert broker_leftovers({"unacked": 2, "demo": 1}) == ["demo with 1", "unacked with 2"]
