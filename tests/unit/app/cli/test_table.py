"""Tables that fit the width of the screen."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from app.cli.table import Column, table

COLUMNS = (
    Column("ID", 9),
    Column("STATUS", 8),
    Column("TOKENS", 1, right=True),
    Column("CREATED", 3),
    Column("MODEL", 7, cut=True),
)
ROWS = [
    ("573a9ce6-2045-4d0e-934d-150c35b198a7", "succeeded", 12, "2026-01-01 10:00", "a-model-of-a-long-name"),
    ("773a9ce6-2045-4d0e-934d-150c35b198a7", "failed", "-", "2026-01-02 10:00", "demo"),
]


@pytest.mark.parametrize("width", range(1, 120))
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    lines = table(COLUMNS, ROWS, width=width)
    assert len(lines) == 3
    assert max(map(cell_len, lines)) <= width


def test_where_nobody_watches_nothing_is_left_out_and_nothing_is_cut() -> None:
    head, first, _ = table(COLUMNS, ROWS, width=None)
    assert head.split() == [column.title for column in COLUMNS]
    assert first.split("  ")[-1] == "a-model-of-a-long-name"


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (200, ["ID", "STATUS", "TOKENS", "CREATED", "MODEL"]),
        (80, ["ID", "STATUS", "CREATED", "MODEL"]),
        (60, ["ID", "STATUS", "MODEL"]),
        (50, ["ID", "STATUS"]),
        (40, ["ID"]),
    ],
)
def test_the_least_important_columns_give_way_first(width: int, titles: list[str]) -> None:
    assert table(COLUMNS, ROWS, width=width)[0].split() == titles


def test_a_column_that_may_be_cut_is_cut_before_another_goes() -> None:
    assert table(COLUMNS, ROWS, width=60)[1].endswith("  a-model-of…")
    assert "a-model-of-a-lon…" in table(COLUMNS, ROWS, width=92)[1]


def test_numbers_stand_at_the_right() -> None:
    lines = table([Column("N", 1, right=True), Column("M", 1)], [(5, "a"), (1234, "b")], width=80)
    assert lines == ["   N  M", "   5  a", "1234  b"]


def test_wide_characters_are_counted_as_they_are_shown() -> None:
    lines = table([Column("NAME", 2, cut=True), Column("X", 1)], [("駱駝駱駝駱駝駱駝", "1"), ("ab", "2")], width=12)
    assert [cell_len(line) for line in lines] == [len("NAME       X"), 12, 12]


def test_a_table_without_rows_has_no_head() -> None:
    assert table(COLUMNS, [], width=80) == []


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    assert table([Column("A", 1)], [("x\x1b[2J\ny",)], width=80)[1] == r"x\x1b[2J\ny"
