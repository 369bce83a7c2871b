"""A text is spread over its tokens, and no character is cut."""

from __future__ import annotations

import pytest

from app.endpoints.llama_server.answers import spread


@pytest.mark.parametrize(
    ("text", "sizes", "parts"),
    [
        ("abcd", [1, 3], ["a", "bcd"]),
        ("abcd", [4], ["abcd"]),
        ("ab", [1, 1, 1], ["a", "b", ""]),
        ("", [2, 2], ["", ""]),
        ("äb", [1, 1, 1], ["", "ä", "b"]),
        ("x€y", [2, 2, 1], ["x", "€", "y"]),
    ],
)
def test_each_token_has_the_characters_that_it_completes(text: str, sizes: list[int], parts: list[str]) -> None:
    assert spread(text, sizes) == parts
