"""Tokens by their text, and by where that begins."""

from __future__ import annotations

import pytest

from app.endpoints.openai.token_texts import Offsets, by_name, name

LLAMA = "\N{LLAMA}".encode()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"One", b" t", b"wo"], [0, 3, 5]),
        ([b"a", LLAMA[:1], LLAMA[1:2], LLAMA[2:3], LLAMA[3:], b"z"], [0, 1, 1, 1, 1, 2]),
        ([b"a" + LLAMA[:2], LLAMA[2:] + b"b", b"c"], [0, 1, 3]),
        ([b"", b"a", b"", b"b"], [0, 0, 1, 1]),
        (["\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), b"x"], [0, 1]),
        ([b"\xff", b"x"], [0, 1]),
    ],
)
def test_an_offset_counts_the_characters_of_the_text_before_a_token(pieces: list[bytes], expected: list[int]) -> None:
    offsets = Offsets()
    assert [offsets.of(piece) for piece in pieces] == expected


def test_a_part_of_a_character_is_named_by_its_bytes() -> None:
    assert [name(piece) for piece in (b"a", LLAMA, LLAMA[:2], b"")] == ["a", "\N{LLAMA}", "bytes:\\xf0\\x9f", ""]


def test_no_alternative_is_lost_to_another_of_the_same_text() -> None:
    top = [(b"\xf0", -0.1), (b"\xc3", -0.2), (b"a", -0.3), (b"a", -0.4)]
    assert by_name(top) == {"bytes:\\xf0": -0.1, "bytes:\\xc3": -0.2, "a": -0.3, "bytes:\\x61": -0.4}
