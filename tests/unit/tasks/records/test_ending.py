"""How a job ended that ended without a result."""

from __future__ import annotations

import pytest

from tasks.errors import UpstreamError, WorkerDied
from tasks.records.ending import error_of, failure
from tasks.records.job import JobStatus
from tests.support.job_records import MakeJob

DIED = {"message": "Dead.", "type": "server_error", "param": None, "code": "worker_died"}
NEWER = {"message": "Too new.", "type": "novel", "param": "x", "code": "from_the_future"}


def test_a_job_that_failed_has_the_error_that_was_written_down(make_job: MakeJob) -> None:
    died = make_job(status=JobStatus.FAILED, error=DIED)
    assert isinstance(failure(died), WorkerDied)
    assert failure(died).to_wire() == DIED


def test_an_error_of_a_newer_version_is_told_as_it_is(make_job: MakeJob) -> None:
    assert error_of(JobStatus.FAILED, error=NEWER, timeout_seconds=None) == NEWER
    raised = failure(make_job(status=JobStatus.FAILED, error=NEWER))
    assert isinstance(raised, UpstreamError)
    assert raised.code == "from_the_future"


def test_a_job_that_expired_says_within_which_time_it_did_not_end(make_job: MakeJob) -> None:
    expired = failure(make_job(status=JobStatus.EXPIRED, timeout_seconds=0.5))
    assert (expired.http_status, expired.code) == (504, "deadline_exceeded")
    assert expired.message == "The job did not end within its timeout of 0.5 seconds."


def test_an_error_that_a_job_was_tried_again_after_is_not_how_it_ended() -> None:
    assert error_of(JobStatus.CANCELLED, error=DIED, timeout_seconds=None) is None


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.QUEUED])
def test_a_job_without_an_error_of_its_own_has_none_to_show_and_one_to_raise(
    make_job: MakeJob, status: JobStatus
) -> None:
    assert error_of(status, error=None, timeout_seconds=9.0) is None
    raised = failure(make_job(status=status))
    assert (raised.http_status, raised.code) == (409, f"job_{status}")
    assert raised.message == f"Job 'j1' is {status}."
