"""What a queued job is said to wait for."""

from __future__ import annotations

from typing import Any

import pytest

from app.endpoints.jobs.waits_for import waits_for
from tasks.ledger.overview import Crew, Health, StartOverview
from tasks.records.job import QueueState

LOADING = StartOverview("demo-1", "loading", "loading", 0.43, "")
FAILED = StartOverview("demo-1", "failed", "loading", None, "The file is cut.")


def asked(**changes: Any) -> tuple[str, str]:
    given: dict[str, Any] = {
        "in_catalogue": True,
        "queue_state": QueueState.OPEN,
        "crew": Crew(workers=1, slots=8),
        "health": Health([], {}),
        "position": 3,
    }
    found = waits_for("demo", **{**given, **changes})
    return found["reason"], found["message"]


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({}, "turn", "2 jobs begin before it."),
        ({"position": 2}, "turn", "1 job begins before it."),
        ({"position": 1}, "turn", "It is the next to begin."),
        ({"queue_state": QueueState.DRAINING}, "turn", "2 jobs begin before it."),
        ({"queue_state": QueueState.PAUSED}, "queue_paused", "The queue of 'demo' is paused"),
        ({"crew": Crew()}, "no_worker", "No worker serves the model 'demo'."),
        ({"crew": Crew(), "health": Health([LOADING], {})}, "model_loading", "A worker loads the model 'demo' (43%)."),
        ({"crew": Crew(), "health": Health([FAILED], {})}, "model_failed", "just now. The file is cut."),
        ({"crew": Crew(), "health": Health([], {"a": "x", "b": "x"}, 1)}, "model_failed", "their logs have the cause."),
        ({"in_catalogue": False, "queue_state": QueueState.PAUSED}, "model_missing", "models.yaml has no model 'demo'"),
    ],
)
def test_the_first_thing_that_has_to_change_is_named(changes: dict[str, Any], reason: str, words: str) -> None:
    found, message = asked(**changes)
    assert found == reason
    assert words in message
