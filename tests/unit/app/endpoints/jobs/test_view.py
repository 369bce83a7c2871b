"""A job as the interface shows it."""

from __future__ import annotations

from typing import Any

import pytest

from app.endpoints.jobs.view import view
from app.endpoints.openai.result import result
from tasks.records.job import JobStatus, Operation, Priority
from tasks.records.outcome import Delivery, Outcome
from tests.support.job_records import MakeJob, as_read

NOTHING_YET: dict[str, Any] = {
    "id": "j1",
    "object": "job",
    "model": "demo",
    "operation": "chat",
    "owner": "local",
    "status": "queued",
    "priority": "normal",
    "created_at": 1700000000,
    "started_at": None,
    "finished_at": None,
    "first_token_at": None,
    "queue_position": None,
    "eta_seconds": None,
    "waits_for": None,
    "attempt": 0,
    "result": None,
    "error": None,
    "deaths": [],
    "usage": None,
    "timings": None,
    "metadata": {},
    "webhook": None,
    "urls": {"self": "/jobs/j1", "events": "/jobs/j1/events", "cancel": "/jobs/j1/cancel"},
}


def test_a_new_job_has_every_field_of_the_interface(make_job: MakeJob) -> None:
    shown = view(make_job())
    assert shown == NOTHING_YET
    assert list(shown) == list(NOTHING_YET)


def test_a_queued_job_shows_its_place_and_when_it_may_begin(make_job: MakeJob) -> None:
    shown = view(make_job(), queue_position=3, eta_seconds=1.5)
    assert shown == {
        **NOTHING_YET,
        "queue_position": 3,
        "eta_seconds": 1.5,
    }


def test_what_was_asked_is_shown_again(make_job: MakeJob) -> None:
    asked = make_job(operation=Operation.COMPLETION, priority=Priority.HIGH, metadata={"batch": "7"})
    shown = {"operation": "completion", "priority": "high", "metadata": {"batch": "7"}}
    assert view(asked) == {**NOTHING_YET, **shown}


def test_a_running_job_shows_when_it_began_in_whole_seconds(make_job: MakeJob) -> None:
    running = make_job(status=JobStatus.RUNNING, started_at=1700000001.99, attempt=2, worker="w@1")
    assert view(running) == {**NOTHING_YET, "status": "running", "started_at": 1700000001, "attempt": 2}


def test_a_job_that_succeeded_shows_its_result_and_usage(make_job: MakeJob, outcome: Outcome) -> None:
    ended = make_job(status=JobStatus.SUCCEEDED, outcome=outcome, finished_at=1700000009.5)
    shown = view(ended)
    assert shown["result"] == result(ended)
    assert shown["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    assert (shown["status"], shown["finished_at"], shown["error"]) == ("succeeded", 1700000009, None)


def test_a_job_that_failed_shows_its_error(make_job: MakeJob) -> None:
    error = {"message": "No.", "type": "server_error", "param": None, "code": "engine_failure"}
    assert view(make_job(status=JobStatus.FAILED, error=error)) == {**NOTHING_YET, "status": "failed", "error": error}


@pytest.mark.parametrize(("seconds", "words"), [(30.0, "30 seconds"), (0.5, "0.5 seconds")])
def test_a_job_that_expired_says_which_timeout_ran_out(make_job: MakeJob, seconds: float, words: str) -> None:
    error = as_read(view(make_job(status=JobStatus.EXPIRED, timeout_seconds=seconds)))["error"]
    assert words in error.pop("message")
    assert error == {"type": "timeout_error", "param": None, "code": "deadline_exceeded"}


def test_a_cancelled_job_has_no_error(make_job: MakeJob) -> None:
    assert view(make_job(status=JobStatus.CANCELLED)) == {**NOTHING_YET, "status": "cancelled"}


def test_of_a_webhook_its_origin_is_shown_and_how_far_it_has_come(make_job: MakeJob) -> None:
    url = "https://Receiver.example:8443/hook?token=secret"
    nothing_yet = {"status": "pending", "attempts": 0, "next_at": None, "last_status": None, "last_error": None}
    shown = view(make_job(webhook=url))
    assert shown["webhook"] == {"origin": "https://receiver.example:8443", **nothing_yet}
    delivery = Delivery(attempts=2, next_at=1700000060, last_error="timeout")
    shown = as_read(view(make_job(webhook=url, delivery=delivery)))
    assert shown["webhook"]["next_at"] == 1700000060
    assert "secret" not in str(shown)
