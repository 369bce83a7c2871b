"""What a command tells of a job that waits."""

from __future__ import annotations

from typing import Any

from app.cli.patience import TURN_SECONDS, Narrator


def job(reason: str = "turn", message: str = "2 jobs begin before it.", **fields: Any) -> dict[str, Any]:
    return {"waits_for": {"reason": reason, "message": message}, "eta_seconds": None, **fields}


def test_what_a_job_waits_for_is_told_once_until_it_changes() -> None:
    narrator = Narrator()
    paused = job("queue_paused", "It is paused.")
    assert narrator.line(paused, 1.0) == "Waiting. It is paused."
    assert narrator.line(paused, 1000.0) is None
    assert narrator.line(job(eta_seconds=12.3), 1001.0) == "Waiting. 2 jobs begin before it. It begins in about 12 s."


def test_a_place_in_the_line_is_told_again_after_a_while() -> None:
    narrator = Narrator()
    assert narrator.line(job(), 1.0)
    assert narrator.line(job(message="1 job begins before it."), 2.0) is None
    assert narrator.line(job(message="1 job begins before it."), 1.0 + TURN_SECONDS) == (
        "Waiting. 1 job begins before it."
    )


def test_nothing_is_told_of_a_job_that_runs_or_of_an_older_server() -> None:
    assert Narrator().line({"waits_for": None, "eta_seconds": None}, 1.0) is None
    assert Narrator().line({}, 1.0) is None
