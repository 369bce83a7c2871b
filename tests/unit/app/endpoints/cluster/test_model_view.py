"""What the cluster makes of a model, from what its workers said."""

from __future__ import annotations

import pytest

from app.endpoints.cluster.model_view import state, view
from tasks.ledger.overview import Crew, Health, QueueOverview, StartOverview, WorkerOverview
from tasks.ledger.scaling import Record, Supply
from tasks.models.catalogue import DEMO
from tasks.records.job import QueueState

LOADING = StartOverview("w1", "loading", "loading", 0.4, "")
DOWNLOADING = StartOverview("w3", "loading", "downloading", 0.5, "", bytes=5, total_bytes=10)
FAILED = StartOverview("w2", "failed", "prefill", None, "It died.")


@pytest.mark.parametrize(
    ("starts", "serving", "expected"),
    [
        ([], False, {"state": "asleep"}),
        ([], True, {"state": "loaded"}),
        ([LOADING], False, {"state": "loading"}),
        ([LOADING, FAILED], False, {"state": "loading"}),
        ([DOWNLOADING, FAILED], False, {"state": "downloading"}),
        ([DOWNLOADING, LOADING], False, {"state": "loading"}),
        ([FAILED], False, {"state": "failed", "reason": "It died."}),
        ([FAILED], True, {"state": "loaded"}),
    ],
)
def test_a_model_fails_when_all_of_its_workers_do(
    starts: list[StartOverview], serving: bool, expected: dict[str, str]
) -> None:
    assert state("m", workers=int(serving), health=Health(starts, {}), supply=Supply()) == expected


@pytest.mark.parametrize(
    ("starts", "workers", "supply", "expected"),
    [
        ([], 2, Supply(draining=1), {"state": "loaded"}),
        ([], 1, Supply(draining=1), {"state": "draining"}),
        ([LOADING], 1, Supply(draining=1), {"state": "loading"}),
        ([DOWNLOADING], 0, Supply(absent=True), {"state": "downloading"}),
        ([DOWNLOADING, LOADING], 0, Supply(absent=True), {"state": "loading"}),
        ([], 0, Supply(absent=True), {"state": "absent"}),
        ([], 0, Supply(starting=1), {"state": "loading"}),
        ([], 1, Supply(starting=1, draining=1), {"state": "loading"}),
        ([DOWNLOADING], 0, Supply(starting=1, absent=True), {"state": "downloading"}),
        ([], 1, Supply(starting=1), {"state": "loaded"}),
        ([], 0, Supply(reason="It waits for room."), {"state": "asleep", "reason": "It waits for room."}),
    ],
)
def test_a_model_whose_workers_come_and_go_says_so(
    starts: list[StartOverview], workers: int, supply: Supply, expected: dict[str, str]
) -> None:
    assert state("m", workers=workers, health=Health(starts, {}), supply=supply) == expected


def test_two_jobs_that_workers_died_of_are_the_models_fault_though_one_serves() -> None:
    assert state("m", workers=1, health=Health([], {"a": "died by SIGSEGV"}, 2), supply=Supply()) == {"state": "loaded"}
    found = state(
        "m", workers=1, health=Health([], {"a": "died by SIGSEGV", "b": "died by SIGSEGV"}, 2), supply=Supply()
    )
    assert found["state"] == "failed"
    assert "2 jobs" in found["reason"]
    assert "SIGSEGV" in found["reason"]


def test_workers_are_told_with_what_computes_and_starts_with_how_far_they_are() -> None:
    figures = {"slots": 16.0, "busy": 3.0, "tokens_per_second": 9.5, "context": 1024.0}
    figures |= {"memory_bytes": 5e8, "cells": 4096.0, "cells_used": 70.0}
    queue = QueueOverview(model="m", state=QueueState.OPEN, queued={}, running=3, oldest_age_seconds=0.0)
    told = view(
        DEMO,
        queue,
        Crew(1, 16, 3, 9.5),
        [WorkerOverview("w0", "m", figures, "zen4")],
        Health([LOADING, FAILED], {}),
        supply=Supply(),
        by_demand=True,
        records=[
            Record(at=9.0, action="stop", model="m", worker="m-1", reason="no job came"),
            Record(at=8.0, action="start", model="other", worker="other-1", reason="1 job waits"),
        ],
    )
    assert told["decisions"] == [{"at": 9.0, "action": "stop", "worker": "m-1", "reason": "no job came"}]
    assert (told["num_workers"], told["slots"], told["busy"], told["tokens_per_second"]) == (1, 16, 3, 9.5)
    assert told["workers"] == [
        {
            "name": "w0",
            "slots": 16,
            "processor": "zen4",
            "memory_bytes": 500_000_000,
            "cache_tokens": 4096,
            "cache_tokens_used": 70,
        }
    ]
    assert told["starting"] == [
        {"name": "w1", "state": "loading", "phase": "loading", "progress": 0.4},
        {"name": "w2", "state": "failed", "phase": "prefill", "reason": "It died."},
    ]


def test_a_download_is_told_with_its_bytes() -> None:
    queue = QueueOverview(model="m", state=QueueState.OPEN, queued={}, running=0, oldest_age_seconds=0.0)
    health = Health([DOWNLOADING], {})
    (start,) = view(DEMO, queue, Crew(), [], health, supply=Supply(), by_demand=False, records=[])["starting"]
    assert (start["phase"], start["progress"], start["bytes"], start["total_bytes"]) == ("downloading", 0.5, 5, 10)


def test_a_model_whose_jobs_are_gone_is_not_in_trouble_any_more() -> None:
    gone = Health([], {"a": "died by SIGSEGV", "b": "died by SIGSEGV"}, pending=0)
    assert state("m", workers=1, health=gone, supply=Supply()) == {"state": "loaded"}
