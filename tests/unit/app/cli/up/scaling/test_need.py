"""How many workers a model needs."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from app.cli.up.scaling.need import COOL_DOWN_SECONDS, needed, noted, target
from tests.unit.app.cli.up.scaling.situations import model, worker


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        ({}, 0),
        ({"min": 1}, 1),
        ({"waiting": 1}, 1),
        ({"running": 1}, 1),
        ({"wanted": True}, 1),
        ({"used_ago": 5.0, "keep_alive": 10.0}, 1),
        ({"used_ago": 15.0, "keep_alive": 10.0}, 0),
        ({"used_ago": 15.0, "keep_alive": 10.0, "workers": [worker("a-1", "starting")]}, 1),
        ({"used_ago": 15.0, "keep_alive": 10.0, "workers": [worker("a-1", "starting")], "failing": True}, 0),
        ({"used_ago": 15.0, "keep_alive": 10.0, "workers": [worker("a-1", ready_ago=9.0)]}, 1),
        ({"used_ago": 15.0, "keep_alive": 10.0, "workers": [worker("a-1", ready_ago=11.0)]}, 0),
        ({"waiting": 4}, 1),
        ({"waiting": 500}, 1),
        ({"waiting": 500, "workers": [worker("a-1", "starting")]}, 1),
        ({"waiting": 500, "workers": [worker("a-1", ready_ago=1.0), worker("a-2", "starting")]}, 2),
        ({"waiting": 5, "workers": [worker("a-1", ready_ago=9.0)]}, 2),
        ({"waiting": 500, "workers": [worker("a-1", ready_ago=9.0)]}, 3),
        ({"waiting": 20, "job_seconds": 1.0}, 1),
        ({"waiting": 40, "job_seconds": 1.0}, 2),
        ({"waiting": 40, "job_seconds": 60.0}, 3),
        ({"waiting": 40, "job_seconds": 0.01}, 1),
        ({"waiting": 40, "job_seconds": 0.01, "min": 2}, 2),
        ({"waiting": 40, "failing": True}, 1),
        ({"waiting": 40, "failing": True, "min": 2}, 2),
        ({"waiting": 8, "elsewhere": 1}, 1),
        ({"waiting": 3, "elsewhere": 1}, 0),
        ({"wanted": True, "elsewhere": 1}, 0),
    ],
)
def test_a_model_needs_as_many_workers_as_let_no_job_wait_long(fields: dict[str, Any], need: int) -> None:
    assert needed(model(**fields), resting=False) == need


def test_an_unloaded_model_needs_none_even_if_it_has_a_least_number() -> None:
    assert needed(model(min=2, wanted=True), resting=True) == 0


def test_more_workers_are_a_matter_of_a_moment_and_fewer_of_the_cool_down() -> None:
    needs = noted((), 0.0, 1)
    needs = noted(needs, 1.0, 3)
    assert target(needs) == 3
    for second in range(2, int(COOL_DOWN_SECONDS) + 1):
        needs = noted(needs, float(second), 1)
        assert target(needs) == 3
    assert target(noted(needs, COOL_DOWN_SECONDS + 1, 1)) == 1


def test_a_model_whose_keep_alive_is_over_needs_no_cool_down_besides() -> None:
    assert target(noted(((0.0, 3), (1.0, 1)), 2.0, 0)) == 0


def test_what_is_remembered_of_needs_is_bounded() -> None:
    needs: tuple[tuple[float, int], ...] = ()
    for second in range(1000):
        needs = noted(needs, float(second), 2)
    assert len(needs) == COOL_DOWN_SECONDS


def test_jobs_beyond_the_slots_wait_as_long_as_others_take() -> None:
    busy = model(waiting=6, running=4, job_seconds=2.0)
    assert busy.wait_seconds(1) == 3.0
    assert busy.wait_seconds(0) == inf
    assert busy.wait_seconds(3) == 0.0
