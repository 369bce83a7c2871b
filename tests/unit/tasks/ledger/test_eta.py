"""When a queued job is likely to begin."""

from __future__ import annotations

import pytest

from tasks.ledger.overview import WorkerOverview, eta_seconds


def worker(**figures: float) -> WorkerOverview:
    return WorkerOverview("w", "m", figures)


BUSY = worker(slots=4, busy=4, job_seconds=2.0)


@pytest.mark.parametrize(
    ("crew", "place", "seconds"),
    [
        ([BUSY], 1, 0.5),
        ([BUSY], 8, 4.0),
        ([BUSY, worker(slots=4, busy=2, job_seconds=4.0)], 4, 0.75),
        ([worker(slots=4, busy=1, job_seconds=2.0)], 3, 0.0),
        ([BUSY, worker(slots=4, busy=4)], 8, 2.0),
    ],
    ids=["one", "several", "some slots are free", "all of its slots are free", "a worker that has ended none"],
)
def test_it_is_as_long_as_the_jobs_before_it_take(crew: list[WorkerOverview], place: int, seconds: float) -> None:
    assert eta_seconds(crew, place) == seconds


@pytest.mark.parametrize("crew", [[], [worker(slots=4, busy=0, job_seconds=0.0)]], ids=["no worker", "no job ended"])
def test_it_is_not_known_without_a_job_that_has_ended(crew: list[WorkerOverview]) -> None:
    assert eta_seconds(crew, 1) is None


def test_a_worker_of_another_release_may_leave_figures_out() -> None:
    assert eta_seconds([worker()], 1) is None
    assert eta_seconds([BUSY, worker(capacity=3)], 8) == 4.0
    bare = worker()
    assert (bare.slots, bare.busy, bare.context, bare.tokens_per_second) == (0, 0, None, 0.0)
