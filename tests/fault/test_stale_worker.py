"""A worker that lost its jobs and does not know it can write nothing."""

from __future__ import annotations

import time

from tasks.ledger.leases import WRITTEN, Append, Holder
from tasks.records.event import encode_token
from tasks.records.job import Job, JobStatus
from tasks.records.outcome import Choice, Outcome, Usage
from tests.support import endings
from tests.support.crew import Crew, assert_whole

OUTCOME = Outcome(
    choices=(Choice(index=0, text="stale", finish_reason="stop"),), usage=Usage(prompt_tokens=4, completion_tokens=1)
)
TOKEN = encode_token(index=0, text="stale", tokens=[7], finish_reason=None)


def test_a_worker_that_stood_still_past_its_leases_writes_nothing_when_it_goes_on(crew: Crew) -> None:
    first = crew.start("w1")
    jobs = [crew.submit(f"{number}") for number in range(12)]
    crew.until(lambda: crew.all_run(jobs, "w1"))
    first.freeze()
    try:
        crew.start("w2")
        crew.until(lambda: crew.all_run(jobs, "w2"), what="the jobs go on elsewhere")
    finally:
        first.thaw()
    crew.until(lambda: first.output().count("job lost") == len(jobs), what="the first worker has let go of all")
    for job in crew.ended(jobs):
        assert job.worker == "w2"
        assert len({event.cursor.fence for event in crew.events(job)}) == 5  # queued, running, queued, running, done
        assert_whole(crew.events(job), job)
    assert first.running


def test_an_append_of_the_old_owner_before_the_new_owners_first_one_is_refused(crew: Crew) -> None:
    stale = claimed(crew, "w1")
    assert append(crew, "w1", stale) == "ok"
    crew.store.workers.release("fake", "w1")
    before = crew.events(stale)
    assert append(crew, "w1", stale, first=2) == "queued"
    fresh = claimed(crew, "w2", stale)
    assert append(crew, "w1", stale, first=2) == "running"
    assert append(crew, "w1", stale) == "running"
    assert [event.type for event in crew.events(stale)[len(before) :]] == ["status"]
    assert append(crew, "w2", fresh) == "ok"
    assert crew.job(fresh).worker == "w2"


def test_a_finish_after_a_cancel_leaves_the_job_cancelled(crew: Crew) -> None:
    stale = claimed(crew, "w1")
    crew.cancel(stale)
    events = crew.events(stale)
    assert endings.succeed(crew.store.leases, Holder("w1", "fake"), stale.id, stale.fence, 0, OUTCOME) == "cancelled"
    assert append(crew, "w1", stale) == "cancelled"
    job = crew.job(stale)
    assert (job.status, job.outcome) == (JobStatus.CANCELLED, None)
    assert crew.events(stale) == events
    assert [event.status for event in events if event.type == "done"] == ["cancelled"]


def claimed(crew: Crew, worker: str, job: Job | None = None) -> Job:
    """A job, or this one, in the hands of a worker."""
    job = job or crew.submit("x")
    claim = crew.store.leases.claim(job.id, Holder(worker, "fake"), model="fake", call=f"{time.time_ns()}")
    assert claim.job is not None
    return claim.job


def append(crew: Crew, worker: str, job: Job, *, first: int = 1) -> str:
    """The verdict on one token."""
    said = crew.store.leases.append(Holder(worker, "fake"), [Append(job.id, job.fence, first, [TOKEN])])[0]
    return "ok" if said in WRITTEN else said
