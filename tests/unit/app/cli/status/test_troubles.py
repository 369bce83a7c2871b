"""What needs doing in a cluster."""

from __future__ import annotations

import pytest

from app.cli.status.troubles import Trouble, advice_on_failure, troubles
from tests.unit.app.cli.status.clusters import failure, model, queue, snapshot


def only(found: list[Trouble]) -> Trouble:
    (trouble,) = found
    return trouble


def test_nothing_needs_doing_where_a_model_is_loaded_or_sleeps_or_loads() -> None:
    loading = model("c", "loading", starting=[{"name": "c-1", "state": "loading", "phase": "loading"}], queued=3)
    assert troubles(snapshot(model("a", queued=9), model("b", "asleep"), loading)) == []


def test_a_job_that_failed_needs_nothing_of_the_cluster() -> None:
    assert troubles(snapshot(model(), failures=[failure()])) == []


def test_a_failed_model_is_told_with_its_reason_once() -> None:
    start = {"name": "demo-1", "state": "failed", "phase": "loading", "reason": "The file is cut short."}
    trouble = only(troubles(snapshot(model(state="failed", reason="The file is cut short.", starting=[start]))))
    assert trouble.about == "demo"
    assert trouble.found == "No worker can serve it: The file is cut short."


def test_a_worker_that_fails_beside_others_that_serve_is_told() -> None:
    start = {"name": "demo-2", "state": "failed", "phase": "loading", "reason": "No memory is left."}
    trouble = only(troubles(snapshot(model(starting=[start]))))
    assert (trouble.about, trouble.found) == ("demo-2", "It does not serve 'demo': No memory is left.")


@pytest.mark.parametrize(("num_jobs", "said"), [(1, "1 job waits"), (2, "2 jobs wait")])
def test_jobs_that_wait_for_a_worker_need_one(num_jobs: int, said: str) -> None:
    trouble = only(troubles(snapshot(model(state="asleep", queued=num_jobs))))
    assert trouble.found == f"{said} for a worker, and there is none."
    assert "`caravan worker demo`" in trouble.advice


@pytest.mark.parametrize(("num_jobs", "said"), [(0, "no job waits"), (1, "1 job waits"), (5, "5 jobs wait")])
def test_a_paused_queue_is_to_be_opened_again(num_jobs: int, said: str) -> None:
    trouble = only(troubles(snapshot(model(queued=num_jobs), state="paused")))
    assert trouble.found == f"Its queue is paused, and {said}."
    assert trouble.advice == "Open it again: `caravan queues resume demo`."


def test_jobs_of_a_paused_queue_need_no_worker() -> None:
    trouble = only(troubles(snapshot(model(state="asleep", queued=2), state="paused")))
    assert trouble.found == "Its queue is paused, and 2 jobs wait."


def test_a_draining_queue_refuses_jobs() -> None:
    assert "new jobs are refused" in only(troubles(snapshot(model(), state="draining"))).found


def test_a_redis_that_cannot_be_used_comes_first() -> None:
    found = troubles(snapshot(model(), state="paused", redis_fault="It takes no writes."))
    assert [trouble.about for trouble in found] == ["Redis", "demo"]
    assert found[0].found == "It takes no writes."


def test_a_failure_has_advice_whatever_its_code() -> None:
    assert "caravan jobs retry" in advice_on_failure("engine_failure")
    assert "caravan jobs dlq" in advice_on_failure("worker_died")
    assert "docs/errors.md" in advice_on_failure("a_code_of_tomorrow")


def test_jobs_of_a_model_that_left_the_catalogue_are_to_be_moved_or_ended() -> None:
    left = {**queue("old"), "in_catalogue": False, "depth": 2}
    trouble = only(troubles(snapshot(model(), queues=[queue(), left])))
    assert (trouble.about, trouble.found) == ("old", "2 jobs wait for it, and the catalogue does not have it.")
    assert "`caravan queues move old TO`" in trouble.advice
    assert "`caravan queues cancel old`" in trouble.advice
