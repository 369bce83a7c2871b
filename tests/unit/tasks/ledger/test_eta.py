"""When a queued job is likely to begin."""

from __future__ import annotations

import pytest

from tasks.ledger.overview import Crew, WorkerOverview, eta_seconds

BUSY = Crew(workers=1, slots=4, busy=4, job_seconds=2.0)


@pytest.mark.parametrize(
    ("crew", "place", "seconds"),
    [
        (BUSY, 1, 0.5),
        (BUSY, 8, 4.0),
        (Crew(workers=2, slots=8, busy=6, job_seconds=3.0), 4, 0.75),
        (Crew(workers=1, slots=4, busy=1, job_seconds=2.0), 3, 0.0),
    ],
    ids=["one", "several", "some slots are free", "all of its slots are free"],
)
def test_it_is_as_long_as_the_jobs_before_it_take(crew: Crew, place: int, seconds: float) -> None:
    assert eta_seconds(crew, place) == seconds


@pytest.mark.parametrize("crew", [Crew(), Crew(workers=1, slots=4)], ids=["no worker", "no job ended"])
def test_it_is_not_known_without_a_job_that_has_ended(crew: Crew) -> None:
    assert eta_seconds(crew, 1) is None


def test_a_worker_of_another_release_may_leave_figures_out() -> None:
    bare = WorkerOverview("w", "m", {})
    assert (bare.slots, bare.busy, bare.context, bare.tokens_per_second) == (0, 0, None, 0.0)
