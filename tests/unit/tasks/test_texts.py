"""A client's text where it is repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import InvalidRequest
from tasks.texts import LONGEST, LONGEST_MESSAGE, any_of, bounded, printable, shown


@given(st.text(max_size=3 * LONGEST))
def test_what_is_shown_is_the_text_or_a_beginning_that_says_so(text: str) -> None:
    found = shown(text)
    assert len(found) <= LONGEST
    assert found == text or (found.endswith("...") and text.startswith(found[:-3]))


@given(st.lists(st.integers(1, 3 * LONGEST), max_size=20))
def test_no_word_of_a_message_is_long_and_neither_is_the_message(lengths: list[int]) -> None:
    found = bounded(" ".join("x" * length for length in lengths))
    assert len(found) <= LONGEST_MESSAGE
    assert all(len(word) <= LONGEST for word in found.split())


def test_a_sentence_of_our_own_stays_as_it_is() -> None:
    sentence = "There is no model 'x'. This server has: demo."
    assert bounded(sentence) == sentence


def test_an_error_holds_no_more_of_a_clients_text_than_is_shown() -> None:
    error = InvalidRequest(f"There is no '{'x' * 1_000_000}'.", param="y" * 1_000_000)
    assert len(error.message) < 250
    assert len(str(error)) < 250
    assert len(error.param or "") == LONGEST


@given(st.text())
def test_a_terminal_prints_whatever_it_is_given(text: str) -> None:
    assert printable(text).isprintable()


@pytest.mark.parametrize("text", ["plain", "Zürich", "東京", "👩‍👧"[:1], ""])
def test_what_can_be_printed_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(("names", "said"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", 3], "a, b or 3")])
def test_a_choice_of_names_is_told_with_or_before_the_last(names: list[object], said: str) -> None:
    assert any_of(names) == said
