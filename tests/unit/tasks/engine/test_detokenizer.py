"""From the bytes of tokens to text."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.detokenizer import Detokenizer


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


def decode(pieces: list[bytes]) -> str:
    detokenizer = Detokenizer()
    return "".join(map(detokenizer.feed, pieces)) + detokenizer.flush()


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_text_is_the_same_wherever_its_bytes_are_cut(text: str, places: list[int]) -> None:
    assert decode(cut(text.encode(), places)) == text


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_bytes_that_are_no_character_become_replacement_characters(data: bytes, places: list[int]) -> None:
    assert decode(cut(data, places)) == data.decode(errors="replace")


@given(st.text(min_size=1))
def test_each_character_is_shown_with_its_last_byte(text: str) -> None:
    detokenizer = Detokenizer()
    for character in text:
        *first, last = [bytes([byte]) for byte in character.encode()]
        assert [detokenizer.feed(byte) for byte in first] == [""] * len(first)
        assert detokenizer.feed(last) == character


def test_half_a_character_at_the_end_is_one_replacement_character() -> None:
    detokenizer = Detokenizer()
    assert detokenizer.feed("né😀".encode()[:-1]) == "né"
    assert detokenizer.flush() == "\ufffd"


def test_a_flush_with_nothing_left_is_empty() -> None:
    detokenizer = Detokenizer()
    detokenizer.feed(b"whole")
    assert detokenizer.flush() == ""
