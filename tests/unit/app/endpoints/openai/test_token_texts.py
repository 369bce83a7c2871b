"""Tokens by their text."""

from __future__ import annotations

from app.endpoints.openai.token_texts import by_name, name

LLAMA = "\N{LLAMA}".encode()


def test_a_part_of_a_character_is_named_by_its_bytes() -> None:
    assert [name(piece) for piece in (b"a", LLAMA, LLAMA[:2], b"")] == ["a", "\N{LLAMA}", "bytes:\\xf0\\x9f", ""]


def test_no_alternative_is_lost_to_another_of_the_same_text() -> None:
    top = [(b"\xf0", -0.1), (b"\xc3", -0.2), (b"a", -0.3), (b"a", -0.4)]
    assert by_name(top) == {"bytes:\\xf0": -0.1, "bytes:\\xc3": -0.2, "a": -0.3, "bytes:\\x61": -0.4}
