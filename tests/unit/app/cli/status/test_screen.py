"""A cluster on one screen."""

from __future__ import annotations

import pytest

from app.cli.status.screen import screen
from app.cli.status.troubles import troubles
from tests.unit.app.cli.status.clusters import failure, model, snapshot

LOADING = {"name": "big-1", "state": "loading", "phase": "loading", "progress": 0.42}
FAILED = {"name": "big-2", "state": "failed", "phase": "loading", "reason": "It is broken. " * 20}
BUSY = snapshot(
    model(busy=8, queued=1234, running=8, tokens_per_second=123.4),
    model("a-model-of-quite-a-long-name-q4_k_m", "loading", starting=[LOADING, FAILED]),
    state="paused",
    failures=[failure(), failure("context_length_exceeded")],
)


def lines(width: int | None = None) -> list[str]:
    return screen(BUSY, troubles(BUSY), width=width)


@pytest.mark.parametrize("width", [50, 80, 100])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, lines(width))) <= width


@pytest.mark.parametrize("width", [50, 80, None])
def test_the_states_that_matter_stand_there_at_any_width(width: int | None) -> None:
    shown = "\n".join(lines(width))
    for part in ("loading 42%", "failed", "paused", "1234", failure()["id"], "caravan queues resume demo"):
        assert part in shown


def test_nobody_has_to_do_anything_is_said() -> None:
    assert screen(snapshot(model()), [], width=80)[-1] == "Nothing needs doing."


def test_each_code_of_failures_has_its_advice_once() -> None:
    twice = snapshot(model(), failures=[failure(), failure()])
    assert sum(line.startswith("  engine_failure: ") for line in screen(twice, [], width=None)) == 1


def test_what_is_not_known_without_redis_is_not_shown_as_nothing() -> None:
    away = snapshot(redis_fault="It is away.", told=False)
    shown = screen(away, troubles(away), width=None)
    assert "Redis    not usable" in shown
    assert "Models, queues and jobs are not known while Redis cannot be used." in shown
    assert "  Redis: It is away." in shown


def test_a_key_for_no_model_is_told_so() -> None:
    assert "This API key may use no model." in screen(snapshot(), [], width=80)
