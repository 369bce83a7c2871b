"""The job's record and the transitions of its status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.api_key import Limits
from tasks.records.event import Event
from tasks.records.job import TRANSITIONS, Job, JobStatus, Operation, Priority, Repeat
from tasks.records.outcome import Choice, Delivery, Outcome, Usage
from tasks.records.wire import usage as on_the_wire

LIVE = {JobStatus.QUEUED, JobStatus.RUNNING}
counts = st.integers(0, 10**6)
outcomes = st.builds(
    Outcome,
    choices=st.lists(
        st.builds(
            Choice,
            index=counts,
            text=st.text(),
            finish_reason=st.sampled_from(["stop", "length"]),
            stop_string=st.text(),
        )
    ).map(tuple),
    usage=st.builds(Usage, prompt_tokens=counts, completion_tokens=counts, cached_tokens=counts),
)


def job(**fields: Any) -> Job:
    base: dict[str, Any] = {
        "id": "j1",
        "model": "demo",
        "operation": Operation.CHAT,
        "request": {"messages": [{"role": "user", "content": "é"}], "sampling": {"seed": 1}},
    }
    return Job(**{**base, **fields})


def written(of: Job, **by_scripts: str) -> dict[str, str]:
    """The hash as ``submit.lua`` leaves it, and what other scripts add to it."""
    submitted = {"created_at": "1700000000.250000", "place": "1700003600.250000", "ttl": "86400"}
    return {**submitted, "fence": "1700000000250", "status": "queued", **of.encode(), **by_scripts}


def test_what_ended_without_success_can_only_be_run_again() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert {status for status in JobStatus if status.ended} == set(JobStatus) - LIVE
    assert not TRANSITIONS[JobStatus.SUCCEEDED]
    for status in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED):
        assert TRANSITIONS[status] == {JobStatus.QUEUED}


def test_every_status_is_reached_from_a_live_one() -> None:
    assert TRANSITIONS[JobStatus.QUEUED] | TRANSITIONS[JobStatus.RUNNING] == set(JobStatus)


def test_a_job_succeeds_while_it_runs_or_is_given_an_answer_when_it_is_accepted() -> None:
    before = [status for status, after in TRANSITIONS.items() if JobStatus.SUCCEEDED in after]
    assert before == [JobStatus.QUEUED, JobStatus.RUNNING]


def test_a_running_job_can_be_given_back() -> None:
    assert JobStatus.QUEUED in TRANSITIONS[JobStatus.RUNNING]


def test_priorities_are_ranked_from_the_most_urgent() -> None:
    assert [priority.rank for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)] == [0, 1, 2]


def test_what_a_newer_release_has_added_is_left_out() -> None:
    usage: dict[str, Any] = {"prompt_tokens": 1, "completion_tokens": 2, "cached_tokens": 0}
    choice: dict[str, Any] = {"index": 0, "text": "Hi", "finish_reason": "stop"}
    body = {"choices": [{**choice, "new": 1}], "usage": {**usage, "new": 1}, "new": 1}
    assert Outcome.decode(json.dumps(body)) == Outcome(choices=(Choice(**choice),), usage=Usage(**usage))
    written = job().encode() | {"status": "queued", "created_at": "1", "fence": "1", "new": "1"}
    assert Job.decode({**written, "delivery": '{"attempts": 2, "new": 1}'}).delivery == Delivery(attempts=2)
    assert Limits.decode(json.dumps({**json.loads(Limits(weight=2).encode()), "new": 1})) == Limits(weight=2)
    assert Event.decode("1-2", {"type": "token", "text": "Hi", "new": 1}).text == "Hi"


@given(outcomes)
def test_an_outcome_is_read_as_it_was_written(outcome: Outcome) -> None:
    assert Outcome.decode(outcome.encode()) == outcome


def test_usage_adds_up_on_the_wire() -> None:
    assert on_the_wire(Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=2)) == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def test_a_submitted_job_is_read_as_it_was_written() -> None:
    sent = job(
        owner="me",
        priority=Priority.LOW,
        metadata={"batch": "7"},
        request_id="r1",
        timeout_seconds=2.5,
    )
    assert Job.decode(written(sent)) == job(
        owner="me",
        priority=Priority.LOW,
        metadata={"batch": "7"},
        request_id="r1",
        timeout_seconds=2.5,
        created_at=1700000000.25,
        fence=1700000000250,
    )


def test_a_job_without_a_timeout_has_none_when_it_is_read() -> None:
    assert "timeout" not in job().encode()
    assert Job.decode(written(job())).timeout_seconds is None


def test_every_field_of_the_hash_is_text() -> None:
    assert all(isinstance(value, str) for value in job(timeout_seconds=1.0).encode().values())


def test_a_running_job_names_its_worker_and_counts_its_claims() -> None:
    held = Job.decode(written(job(), status="running", worker="w@1", claims="2", started_at="1700000001.000000"))
    assert (held.status, held.worker, held.attempt) == (JobStatus.RUNNING, "w@1", 2)
    assert (held.started_at, held.finished_at) == (1700000001.0, None)
    assert (held.outcome, held.error) == (None, None)


def test_a_job_that_succeeded_has_its_outcome() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=2)
    outcome = Outcome(choices=(Choice(index=0, text="hi", finish_reason="stop"),), usage=usage)
    ended = Job.decode(written(job(), status="succeeded", outcome=outcome.encode(), finished_at="1700000002.000000"))
    assert (ended.status, ended.outcome, ended.finished_at) == (JobStatus.SUCCEEDED, outcome, 1700000002.0)


def test_a_job_that_was_given_an_answer_tells_that_nothing_was_computed() -> None:
    usage = Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1)
    outcome = Outcome(choices=(Choice(index=0, text="hi", finish_reason="stop"),), usage=usage)
    ended = Job.decode(written(job(), status="succeeded", outcome=outcome.encode(), repeats="j0"))
    assert ended.outcome is not None
    assert ended.outcome.usage == Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=3, answer_cached=True)
    assert (ended.repeats, ended.outcome.choices) == ("j0", outcome.choices)
    assert Outcome.decode(ended.outcome.encode()) == ended.outcome
    assert "answer_cached" not in outcome.encode()
    assert on_the_wire(ended.outcome.usage)["answer_cached"] is True


def test_a_job_whose_answer_is_kept_is_read_as_it_was_written() -> None:
    sent = job(repeat=Repeat(digest="d", seconds=3600.0))
    assert Job.decode(written(sent)).repeat == sent.repeat
    assert Job.decode(written(job())).repeat is None


def test_a_job_that_failed_has_its_error() -> None:
    error = '{"message":"No.","type":"server_error","param":null,"code":"engine_failure"}'
    ended = Job.decode(written(job(), status="failed", error=error))
    assert ended.error == {"message": "No.", "type": "server_error", "param": None, "code": "engine_failure"}


@pytest.mark.parametrize("missing", ["id", "model", "operation", "request", "status", "created_at", "fence"])
def test_a_record_with_a_field_missing_is_refused(missing: str) -> None:
    fields = written(job())
    del fields[missing]
    with pytest.raises(KeyError, match=missing):
        Job.decode(fields)
