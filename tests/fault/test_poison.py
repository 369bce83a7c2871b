"""A job that workers die of ends, and nothing else does: who is to blame is found out by trying it alone."""

from __future__ import annotations

import pytest

from tasks.ledger import dead_letters
from tasks.records.job import Job, JobStatus
from tasks.worker.worker import STUCK
from tests.support.crew import Crew, assert_whole

POISONED = "tests.support.poisoned_worker"


@pytest.mark.parametrize("workers", [["w1"], ["w1", "w2"]], ids=["one worker", "two workers"])
def test_one_poison_among_fifteen_jobs_is_the_only_one_that_fails(crew: Crew, workers: list[str]) -> None:
    for name in workers:
        crew.start(name, program=POISONED, keep=True)
    innocent, poison = submit_around(crew, "a POISON", count=15)
    check_outcome(crew, innocent, poison)
    assert deaths(crew, poison) == {"its process died by SIGSEGV"}
    later = crew.submit("one more", tokens=5)
    (done,) = crew.ended([later])
    assert_whole(crew.events(done), done)


def test_a_job_that_an_engine_never_comes_back_from_is_the_only_one_that_fails(crew: Crew) -> None:
    crew.start("w1", program=POISONED, keep=True, env={"CARAVAN_STUCK_SECONDS": "1"})
    innocent, stuck = submit_around(crew, "a HANG", count=5)
    check_outcome(crew, innocent, stuck)
    assert deaths(crew, stuck) == {f"its process ended with status {STUCK}"}


def deaths(crew: Crew, job: Job) -> set[str]:
    """How the workers died that ran a job, as it was found."""
    return {death["found"] for death in crew.job(job).deaths}


def submit_around(crew: Crew, bad: str, *, count: int) -> tuple[list[Job], Job]:
    """Innocent jobs, and a bad one among them, which all run together."""
    innocent = [crew.submit(f"{number} before") for number in range(count // 2)]
    crew.until(lambda: crew.num_tokens(innocent[0]) > 2)
    culprit = crew.submit(bad)
    return innocent + [crew.submit(f"{number} after") for number in range(count - count // 2)], culprit


def check_outcome(crew: Crew, innocent: list[Job], culprit: Job) -> None:
    """The innocent ones succeed with whole streams; the culprit is a dead letter after a death that it died alone."""
    (failed, *succeeded) = crew.ended([culprit, *innocent])
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error["code"] == "worker_died"
    assert [death["alone"] for death in failed.deaths] == [False, False, True]
    assert dead_letters.page(crew.redis, ["fake"], count=9) == [culprit.id]
    for job in succeeded:
        assert_whole(crew.events(job), job)
        assert len(job.deaths) < 3, "the last death is blamed on nobody else"
    assert max(job.attempt for job in succeeded) > 1
