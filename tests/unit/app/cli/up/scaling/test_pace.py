"""How long jobs take, seen in one look at the ledger after the other."""

from __future__ import annotations

from app.cli.up.scaling.pace import Pace
from tasks.ledger.overview import Health
from tasks.ledger.scaling import Demand


def demand(*, waiting: int = 0, running: int = 0, accepted: int = 0, job_seconds: float = 0.0) -> Demand:
    return Demand(
        waiting=waiting, running=running, accepted=accepted, job_seconds=job_seconds, wanted_seconds=0.0, asked="",
        workers=frozenset(), health=Health([], {}),
    )  # fmt: skip


def test_a_speed_is_remembered_while_the_model_sleeps() -> None:
    pace = Pace()
    assert pace.job_seconds(demand(accepted=1, job_seconds=0.2), 100.0) == 0.2
    assert pace.job_seconds(demand(accepted=1), 200.0) == 0.2


def test_nothing_is_known_as_long_as_no_job_has_ended() -> None:
    pace = Pace()
    assert [pace.job_seconds(demand(accepted=9, waiting=5, running=4), now) for now in (1.0, 60.0)] == [0.0, 0.0]


def test_jobs_that_do_not_end_are_longer_than_those_before() -> None:
    pace = Pace()
    pace.job_seconds(demand(accepted=1, job_seconds=0.2), 100.0)
    assert pace.job_seconds(demand(accepted=25, waiting=24), 110.0) == 0.2
    assert pace.job_seconds(demand(accepted=25, waiting=20, running=4), 111.0) == 1.0
    assert pace.job_seconds(demand(accepted=30, waiting=24, running=4), 112.0) == 0.2  # one has ended
    assert pace.job_seconds(demand(accepted=40, waiting=34, running=4), 120.0) == 8.0
    assert pace.job_seconds(demand(accepted=40, waiting=36, running=0), 121.0) == 0.2
