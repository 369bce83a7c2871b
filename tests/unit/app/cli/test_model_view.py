"""Models on a screen."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.model_view import details, find, overview
from tasks.errors import ModelNotFound
from tests.unit.app.cli.status.clusters import model

LOADING = {"name": "demo-2", "state": "loading", "phase": "loading", "progress": 0.5}
FAILED = {"name": "demo-3", "state": "failed", "phase": "prefill", "reason": "It died of its prompt."}


def test_a_model_is_found_by_its_name() -> None:
    assert find("b", [model("a"), model("b")])["id"] == "b"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dmeo", "There is no model 'dmeo'. Did you mean 'demo'? This server has: demo, other."),
        ("llama", "There is no model 'llama'. This server has: demo, other."),
    ],
)
def test_a_model_that_is_not_there_is_answered_with_those_that_are(name: str, said: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        find(name, [model("demo"), model("other")])
    assert caught.value.message == said


def test_a_key_for_no_model_is_told_so() -> None:
    with pytest.raises(ModelNotFound, match="none for this key"):
        find("demo", [])
    assert overview([], width=80) == ["This API key may use no model."]


def test_a_failed_model_has_its_reason_below_the_list() -> None:
    lines = overview([model(), model("bad", "failed", reason="The file is cut short.")], width=80)
    assert [line.split()[:2] for line in lines[1:3]] == [["demo", "loaded"], ["bad", "failed"]]
    assert lines[-1] == "bad: The file is cut short."


def test_what_was_decided_of_a_model_stands_below_it() -> None:
    at = 1_700_000_000.0
    found = [{"at": at, "action": "stop", "worker": "demo-1", "reason": "no job came for 5 s (keep_alive)"}] * 9
    lines = details(model(state="asleep", decisions=found), width=None)
    assert lines[-6] == "Last decisions"
    assert lines[-1].endswith("stopped demo-1: no job came for 5 s (keep_alive)")
    assert "Last decisions" not in details(model(), width=None)


@pytest.mark.parametrize("width", [50, 80])
def test_the_lines_fit_the_screen(width: int) -> None:
    broken = model("a-model-of-quite-a-long-name-q4_k_m", "failed", reason="It is broken. " * 20, starting=[FAILED])
    for lines in (overview([model(), broken], width=width), details(broken, width=width)):
        assert max(map(len, lines)) <= width


def test_a_model_is_shown_with_all_its_workers() -> None:
    lines = details(model(busy=3, starting=[LOADING, FAILED]), width=None)
    assert "slots      3 of 8 busy" in lines
    assert [line.split()[:2] for line in lines if line.startswith("demo-")][:3] == [
        ["demo-1", "ready"], ["demo-2", "loading"], ["demo-3", "failed"],
    ]  # fmt: skip
    assert lines[-1] == "demo-3: It died of its prompt."


def test_a_reason_of_the_model_is_not_told_again_of_its_worker() -> None:
    lines = details(model(state="failed", reason=FAILED["reason"], starting=[FAILED]), width=None)
    assert "\n".join(lines).count(FAILED["reason"]) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "asleep"}, "No worker serves it."),
        ({"state": "asleep", "by_demand": False}, "No worker serves it."),
        (
            {"state": "asleep", "by_demand": True},
            "It is asleep: a worker starts when a job comes for it, or by `caravan models load demo`.",
        ),
        (
            {"state": "absent", "by_demand": True},
            "It is asleep: its file is downloaded and a worker starts when a job comes for it, or by "
            "`caravan models load demo`.",
        ),
    ],
)
def test_a_sleeping_model_has_no_worker_and_says_what_wakes_it(fields: dict[str, Any], said: str) -> None:
    lines = details(model(**fields), width=None)
    assert lines[-1] == said
    assert not any(line.startswith("slots") for line in lines)


def test_a_sleeping_model_has_no_slots_to_count() -> None:
    (line,) = overview([model(state="asleep")], width=None)[1:]
    assert line.split() == ["demo", "asleep", "generative", "1024", "-", "0", "0"]
