"""What `caravan doctor` found, on screens of several widths."""

from __future__ import annotations

import pytest

from app.cli.doctor import lines
from app.doctor.finding import Finding, State

FINDING = Finding("cores and threads", State.WARNING, "the load is high " * 9, "Stop what else computes here. " * 3)


@pytest.mark.parametrize("width", [100, 80, 69, 50, 40])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, lines(FINDING, width))) <= width


def test_a_narrow_screen_has_the_finding_below_the_name_of_the_part() -> None:
    assert lines(FINDING, 50)[0] == "warning  cores and threads"
    assert lines(FINDING, 80)[0].startswith("warning  cores and threads   the load")


def test_where_nobody_watches_each_is_one_line() -> None:
    assert len(lines(FINDING, None)) == 2
