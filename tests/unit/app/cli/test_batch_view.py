"""What is shown of a batch."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.batch_view import SHOWN_ERRORS, details

BATCH: dict[str, Any] = {
    "id": "batch_573a9ce6204501934d150c35b198a7aa",
    "endpoint": "/v1/chat/completions",
    "model": "demo",
    "errors": None,
    "status": "completed",
    "paused_at": None,
    "created_at": 1,
    "expires_at": 2,
    "input_file_id": "file-in",
    "output_file_id": "file-out",
    "error_file_id": None,
    "progress": {"answered": 2, "tokens_per_second": 0.0, "eta_seconds": None, "stalled": None},
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "usage": {"input_tokens": 1, "output_tokens": 7, "total_tokens": 8},
}


def shown(width: int | None = None, **changed: Any) -> list[str]:
    return details({**BATCH, **changed}, width=width)


def test_a_batch_is_shown_in_words_with_the_way_to_its_output() -> None:
    lines = shown()
    assert lines[:2] == [f"id         {BATCH['id']}", "status     completed, 2 of 3 lines, 1 failed"]
    assert "tokens     1 token read, 7 written" in lines
    assert lines[-1] == f"`caravan batches fetch {BATCH['id']} -o FILE` writes its output."
    assert not any(line.startswith(("expires", "errors")) for line in lines)


def test_a_batch_that_runs_is_shown_with_its_last_moment() -> None:
    assert any(line.startswith("expires") for line in shown(status="in_progress", output_file_id=None))


def test_a_failed_batch_names_the_lines_at_fault_and_the_remedy() -> None:
    faults = [{"line": 2, "message": "There is no model 'x'."}, {"line": None, "message": "It is empty."}]
    lines = shown(status="failed", output_file_id=None, errors={"data": faults})
    assert lines[-3:] == [
        "line 2: There is no model 'x'.",
        "It is empty.",
        "No line ran. Correct these lines and create the batch again.",
    ]
    many = shown(status="failed", output_file_id=None, errors={"data": faults * SHOWN_ERRORS})
    assert f"... and {SHOWN_ERRORS} more errors" in many


@pytest.mark.parametrize("width", [80, 50])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    lines = shown(width, errors={"data": [{"line": 1, "message": "This line is at fault. " * 9}]}, status="failed")
    assert max(map(len, lines)) <= width
