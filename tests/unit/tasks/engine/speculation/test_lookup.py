"""What came after the same tokens before is what is drafted."""

from __future__ import annotations

from tasks.engine.speculation.lookup import MOST_READ, Lookup


def test_what_came_after_the_last_three_tokens_is_drafted() -> None:
    assert Lookup().draft([1, 2, 3, 4, 5, 6, 1, 2, 3], 3) == [4, 5, 6]
    assert Lookup().draft([1, 2, 3, 4, 5, 6, 1, 2, 3], 9) == [4, 5, 6, 1, 2, 3]


def test_nothing_is_drafted_that_was_not_there() -> None:
    assert Lookup().draft([1, 2, 3, 4, 2, 3], 3) == []
    assert Lookup().draft([], 3) == Lookup().draft([1, 2], 3) == Lookup().draft([1, 2, 3], 3) == []


def test_the_last_occurrence_counts() -> None:
    assert Lookup().draft([1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], 1) == [8]


def test_a_draft_that_came_true_goes_on_where_it_ended() -> None:
    """Though the same tokens have come again since."""
    text = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    lookup = Lookup()
    given = [*text, 3, 4, 5, 0, 1, 2, 3]
    assert lookup.draft(given, 2) == [4, 5]
    lookup.went_on(2)
    assert lookup.draft([*given, 4, 5, 6], 2) == [7, 8]
    lookup.went_on(0)
    assert lookup.draft([*given, 4, 5, 6, 0], 2) == [], "it is elsewhere now"


def test_of_a_long_prompt_the_end_is_read() -> None:
    tokens = [1, 2, 3, *range(10, 10 + MOST_READ)]
    assert Lookup().draft([*tokens, 1, 2, 3], 2) == []
    assert Lookup().draft([*tokens, 20, 21, 22], 2) == [23, 24]
