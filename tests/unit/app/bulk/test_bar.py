"""The line with a bar of a run."""

from __future__ import annotations

import contextlib
import io

import pytest

from app.bulk.bar import LEFT_FREE, line
from app.bulk.report import Bar
from app.bulk.state import State

STATE = State(num_rows=1234, total=100_000, num_failed=12, tokens=5000)


@pytest.mark.parametrize("width", range(1, 160))
def test_the_line_leaves_room_for_what_the_terminal_shows_of_ctrl_c(width: int) -> None:
    assert len(line(STATE, rows=12.3, tokens=4567.8, width=width)) <= max(width - LEFT_FREE, 1)


@pytest.mark.parametrize("width", range(24, 160))
def test_done_of_total_stays_longest(width: int) -> None:
    assert "1,234 of 100,000 rows" in line(STATE, rows=12.3, tokens=4567.8, width=width)


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (120, "1,234 of 100,000 rows  12 failed  2:13:50 left  12.3 rows/s  4,568 tokens/s"),
        (80, "1,234 of 100,000 rows  12 failed  2:13:50 left  12.3 rows/s"),
        (65, "1,234 of 100,000 rows  12 failed  2:13:50 left"),
        (50, "1,234 of 100,000 rows  12 failed  2:13:50 left"),
        (40, "1,234 of 100,000 rows  12 failed"),
    ],
)
def test_the_speeds_give_way_first_then_the_bar_then_the_time(width: int, told: str) -> None:
    shown = line(STATE, rows=12.3, tokens=4567.8, width=width)
    assert shown.lstrip("━─").strip() == told
    assert shown.startswith(("━", "─")) == (width > 50)


def test_a_run_of_one_row_without_failures_says_no_more() -> None:
    assert line(State(0, 1, 0, 0), rows=0, tokens=0, width=30) == "─" * 15 + "  0 of 1 row"


def test_an_interrupted_bar_stands_once() -> None:
    output = io.StringIO()
    bar = Bar()
    bar._console.file = output
    with contextlib.suppress(KeyboardInterrupt), bar:
        bar.show(STATE)
        raise KeyboardInterrupt
    assert output.getvalue().count("1,234 of 100,000 rows") == 1


def test_a_run_without_figures_leaves_no_line_behind() -> None:
    output = io.StringIO()
    bar = Bar()
    bar._console.file, bar._console._force_terminal = output, True
    with bar:
        pass
    assert output.getvalue() == ""
