"""What is typed: lines, and texts of several lines."""

from __future__ import annotations

import pytest

from app.cli.chat.entry import Entry, Unfinished, read_entry


class Lines:
    def __init__(self, *lines: str) -> None:
        self.left = list(lines)
        self.asked: list[bool] = []

    def __call__(self, more: bool) -> str:
        self.asked.append(more)
        if not self.left:
            raise EOFError
        return self.left.pop(0)


@pytest.mark.parametrize(
    ("lines", "text", "is_order"),
    [
        (["Hello"], "Hello", False),
        (["", "  ", " Hello "], "Hello", False),
        (["/set seed 3"], "/set seed 3", True),
        ([" /bye"], "/bye", True),
        (['"""one"""'], "one", False),
        (['"""one', "two", 'three"""'], "one\ntwo\nthree", False),
        (['"""', "one", "", "  two", '"""'], "one\n\n  two", False),
        (['"""one\ntwo', 'three""" and more'], "one\ntwo\nthree and more", False),
        (['"""/etc/hosts is a file"""'], "/etc/hosts is a file", False),
        (['/system """You are', 'brief."""'], "/system You are\nbrief.", True),
        (['/set stop """', "", 'x"""'], "/set stop x", True),
        (['""" """', "Hello"], "Hello", False),
        (['Say """ aloud'], 'Say """ aloud', False),
        (["A text\nthat was pasted"], "A text\nthat was pasted", False),
    ],
)
def test_entries_are_read(lines: list[str], text: str, is_order: bool) -> None:
    given = Lines(*lines)
    assert read_entry(given) == Entry(text, is_order)
    assert given.left == []


def test_the_lines_after_an_entry_are_left_for_the_next() -> None:
    given = Lines('"""one', 'two"""', "three")
    assert [read_entry(given).text, read_entry(given).text] == ["one\ntwo", "three"]


def test_a_line_within_a_text_is_asked_for_as_one() -> None:
    given = Lines('"""one', "two", '"""')
    read_entry(given)
    assert given.asked == [False, True, True]


def test_the_end_of_the_input_ends_the_chat_and_a_text_without_its_end_is_not_sent() -> None:
    with pytest.raises(EOFError) as caught:
        read_entry(Lines(""))
    assert not isinstance(caught.value, Unfinished)
    with pytest.raises(Unfinished, match="was not sent"):
        read_entry(Lines('"""one', "two"))
