"""Workers that are replaced, since their entry or their file has changed."""

from __future__ import annotations

from math import inf
from typing import Any

from app.cli.up.scaling.decide import decide
from app.cli.up.scaling.situation import Memory, Model, Situation
from tests.unit.app.cli.up.scaling.situations import MIB, model, worker


def told(*models: Model, budget: float = inf, roll_budget: float = inf) -> list[str]:
    found = decide(Situation(now=1000.0, budget=budget, roll_budget=roll_budget, models=models), Memory())
    return [f"{each.action} {each.worker}" for each in found.decisions]


OLD = worker("a-1", is_stale=True)


def test_a_new_worker_is_loaded_beside_the_old_one() -> None:
    assert told(model(workers=[OLD], min=1)) == ["start a-2"]


def test_nothing_else_happens_until_it_serves() -> None:
    assert told(model(workers=[OLD, worker("a-2", "starting")], min=1)) == []
    assert told(model(workers=[OLD, worker("a-2", "starting")], min=1, failing=True, waiting=3)) == []


def test_then_the_old_one_stops() -> None:
    assert told(model(workers=[OLD, worker("a-2")], min=1, running=4)) == ["stop a-1"]


def test_several_are_replaced_one_after_the_other() -> None:
    old = [OLD, worker("a-2", is_stale=True)]
    assert told(model(workers=old, min=2)) == ["start a-3"]
    assert told(model(workers=[*old, worker("a-3", "starting")], min=2)) == ["start a-4"]
    assert told(model(workers=[*old, worker("a-3")], min=2)) == ["stop a-2", "start a-4"]
    assert told(model(workers=[*old, worker("a-3"), worker("a-4")], min=2)) == ["stop a-2", "stop a-1"]


def test_a_roll_does_not_make_a_model_need_more_workers() -> None:
    old = worker("a-1", is_stale=True, started_ago=2.0, ready_ago=1.0)
    assert told(model(workers=[old, worker("a-2", "starting")], min=1, max=3, running=9, waiting=9)) == []


def test_where_two_do_not_fit_the_old_one_drains_first() -> None:
    for budgets in ({"budget": 150 * MIB}, {"budget": inf}):
        limits = {**budgets, "roll_budget": 150 * MIB}
        assert told(model(workers=[OLD], min=1, running=2), **limits) == ["stop a-1"]
        leaving = worker("a-1", "draining", is_stale=True)
        assert told(model(workers=[leaving], min=1, running=2), **limits) == []
        assert told(model(min=1, waiting=2), **limits) == ["start a-1"]


def test_an_old_worker_counts_with_what_it_takes() -> None:
    old = worker("a-1", is_stale=True, bytes=10 * MIB)
    assert told(model(workers=[old], min=1), budget=150 * MIB, roll_budget=150 * MIB) == ["start a-2"]


def test_an_idle_model_with_old_workers_may_sleep() -> None:
    assert told(model(workers=[OLD], min=0, keep_alive=1.0)) == ["stop a-1"]


def test_a_removed_model_ends_its_jobs_then_its_workers_stop() -> None:
    gone: Any = {"min": 0, "keep_alive": 0.0, "removed": True}
    assert told(model(workers=[worker("a-1")], waiting=2, running=1, **gone)) == []
    assert told(model(waiting=2, **gone)) == ["start a-1"]
    made = decide(Situation(now=1.0, budget=inf, models=(model(workers=[worker("a-1")], **gone),)), Memory())
    assert [each.text for each in made.decisions] == ["a-1 stops: models.yaml does not have the model any more."]
