"""The order of a batch: what is run next, and answers in the order of their rows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rows.in_order import InOrder
from tasks.rows.prefix_order import PrefixOrder, beginning
from tasks.rows.window import width


def take_all(lineup: PrefixOrder[str]) -> list[str]:
    return list(iter(lineup.take, None))


def test_rows_that_begin_alike_are_run_next_to_each_other() -> None:
    rows = ["b1", "a1", "c1", "a2", "b2", "a3"]
    assert take_all(PrefixOrder(rows, str)) == ["a1", "a2", "a3", "b1", "b2", "c1"]


def test_rows_that_are_alike_keep_their_order() -> None:
    lineup = PrefixOrder([(1, "a"), (2, "a"), (3, "a")], lambda row: row[1])
    assert [lineup.take() for _ in range(4)] == [(1, "a"), (2, "a"), (3, "a"), None]


def test_no_more_is_read_than_a_block() -> None:
    rows = iter(range(100))
    lineup = PrefixOrder(rows, str, most_rows=10)
    assert lineup.reads_next
    for _ in range(10):
        lineup.take()
        assert lineup.num_read == 10
    assert lineup.reads_next
    assert next(rows) == 10


def test_a_block_of_long_rows_is_shorter() -> None:
    lineup = PrefixOrder(["x" * 40] * 10, str, most_chars=100)
    lineup.take()
    assert lineup.num_read == 3


def test_a_row_longer_than_a_block_is_run_all_the_same() -> None:
    assert take_all(PrefixOrder(["x" * 40] * 2, str, most_chars=1)) == ["x" * 40] * 2


@given(st.lists(st.text(max_size=3)), st.integers(1, 7), st.integers(1, 9))
def test_every_row_is_run_once_and_no_later_than_in_its_block(rows: list[str], most_rows: int, most_chars: int) -> None:
    numbered = list(enumerate(rows))
    lineup = PrefixOrder(numbered, lambda row: row[1], most_rows=most_rows, most_chars=most_chars)
    taken: list[tuple[int, str]] = []
    begins = 0
    while (row := lineup.take()) is not None:
        taken.append(row)
        if lineup.reads_next:
            block = taken[begins:]
            assert sorted(block) == numbered[begins : len(taken)]
            assert [text for _, text in block] == sorted(text for _, text in block)
            assert len(block) <= most_rows
            assert sum(len(text) for _, text in numbered[begins : len(taken) - 1]) < most_chars
            begins = len(taken)
    assert sorted(taken) == numbered


def test_how_a_chat_begins_is_its_tools_then_its_messages() -> None:
    system = {"role": "system", "content": "Be brief."}
    first = {"messages": [system, {"role": "user", "content": "a"}]}
    second = {"messages": [system, {"role": "user", "content": "b"}]}
    other = {"messages": [{"role": "user", "content": "a"}]}
    assert sorted([beginning(second), beginning(other), beginning(first)])[:2] == [beginning(first), beginning(second)]
    assert beginning({**first, "tools": [{"type": "function"}]}).startswith('[{"type"')


def test_how_a_completion_and_a_text_begin_is_as_it_stands() -> None:
    assert beginning({"prompt": "Once"}) == beginning({"input": "Once"}) == "Once"


@given(st.integers(0, 50), st.integers(0, 30), st.randoms(use_true_random=False))
def test_answers_come_out_once_each_and_in_order(first: int, rows: int, draw: random.Random) -> None:
    collected, order = InOrder[str](first), list(range(first, first + rows))
    draw.shuffle(order)
    out: list[tuple[int, str]] = []
    for count, row in enumerate(order, 1):
        collected.put(row, str(row))
        out += collected.ready()
        assert len(out) + collected.num_held == count
        assert collected.next == first + len(out)
    assert out == [(row, str(row)) for row in range(first, first + rows)]


@pytest.mark.parametrize("row", [4, 5, 7])
def test_a_second_answer_to_a_row_is_refused(row: int) -> None:
    collected = InOrder[str](5)
    collected.put(5, "a")
    assert list(collected.ready()) == [(5, "a")]
    collected.put(7, "b")
    with pytest.raises(ValueError, match="has its answer"):
        collected.put(row, "c")


@given(st.randoms(use_true_random=False), st.integers(1, 8), st.integers(1, 12), st.integers(1, 5))
def test_what_is_held_is_bounded_and_nothing_waits_for_ever(
    draw: random.Random, most_rows: int, num_open: int, window: int
) -> None:
    """The rule that `PrefixOrder.reads_next` is for, over any order in which answers come."""
    rows = [draw.choice("abc") for _ in range(60)]
    lineup = PrefixOrder(enumerate(rows), lambda row: row[1], most_rows=most_rows)
    collected, under_way, ended = InOrder[str](), list[int](), False
    while collected.next < len(rows):
        while not ended and len(under_way) < window:
            if lineup.reads_next and lineup.num_read - collected.next > num_open:
                break
            row = lineup.take()
            ended = row is None
            under_way += [] if row is None else [row[0]]
        assert under_way, "nothing is under way, and not all is done"
        done = under_way.pop(draw.randrange(len(under_way)))
        collected.put(done, rows[done])
        list(collected.ready())
        assert collected.num_held <= num_open + most_rows


@pytest.mark.parametrize(
    ("slots", "others", "most", "expected"),
    [(16, 0, 1000, 32), (16, 20, 1000, 12), (16, 900, 1000, 4), (1, 900, 1000, 1), (16, 0, 8, 8), (0, 0, 1000, 16)],
)
def test_the_window_follows_the_slots_and_leaves_room_to_others(
    slots: int, others: int, most: int, expected: int
) -> None:
    assert width(slots=slots, others=others, most=most) == expected
