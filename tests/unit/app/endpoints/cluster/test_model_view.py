"""What the cluster makes of a model, from what its workers said."""

from __future__ import annotations

import pytest

from app.endpoints.cluster.model_view import state, view
from tasks.ledger.overview import Crew, Health, QueueOverview, StartOverview, WorkerOverview
from tasks.models.catalogue import DEMO
from tasks.records.job import QueueState

LOADING = StartOverview("w1", "loading", "loading", 0.4, "")
FAILED = StartOverview("w2", "failed", "prefill", None, "It died.")


@pytest.mark.parametrize(
    ("starts", "serving", "expected"),
    [
        ([], False, {"state": "asleep"}),
        ([], True, {"state": "loaded"}),
        ([LOADING], False, {"state": "loading"}),
        ([LOADING, FAILED], False, {"state": "loading"}),
        ([FAILED], False, {"state": "failed", "reason": "It died."}),
        ([FAILED], True, {"state": "loaded"}),
    ],
)
def test_a_model_fails_when_all_of_its_workers_do(
    starts: list[StartOverview], serving: bool, expected: dict[str, str]
) -> None:
    assert state("m", serving=serving, health=Health(starts, {})) == expected


def test_two_jobs_that_workers_died_of_are_the_models_fault_though_one_serves() -> None:
    assert state("m", serving=True, health=Health([], {"a": "died by SIGSEGV"}, 2)) == {"state": "loaded"}
    found = state("m", serving=True, health=Health([], {"a": "died by SIGSEGV", "b": "died by SIGSEGV"}, 2))
    assert found["state"] == "failed"
    assert "2 jobs" in found["reason"]
    assert "SIGSEGV" in found["reason"]


def test_workers_are_told_with_what_computes_and_starts_with_how_far_they_are() -> None:
    figures = {"slots": 16.0, "busy": 3.0, "tokens_per_second": 9.5, "context": 1024.0}
    queue = QueueOverview(model="m", state=QueueState.OPEN, queued={}, running=3, oldest_age_seconds=0.0)
    told = view(
        DEMO, queue, Crew(1, 16, 3, 9.5), [WorkerOverview("w0", "m", figures, "zen4")], Health([LOADING, FAILED], {})
    )
    assert (told["num_workers"], told["slots"], told["busy"], told["tokens_per_second"]) == (1, 16, 3, 9.5)
    assert told["workers"] == [{"name": "w0", "slots": 16, "processor": "zen4"}]
    assert told["starting"] == [
        {"name": "w1", "state": "loading", "phase": "loading", "progress": 0.4},
        {"name": "w2", "state": "failed", "phase": "prefill", "reason": "It died."},
    ]


def test_a_model_whose_jobs_are_gone_is_not_in_trouble_any_more() -> None:
    gone = Health([], {"a": "died by SIGSEGV", "b": "died by SIGSEGV"}, pending=0)
    assert state("m", serving=True, health=gone) == {"state": "loaded"}
