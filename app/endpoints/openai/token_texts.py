"""Tokens as the older completions endpoint tells them: by their text. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def name(piece: bytes) -> str:
    """A token's text, or its bytes in OpenAI's form if it is only a part of one: ``bytes:\\xf0\\x9f``."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return _bytes(piece)


def by_name(top: Iterable[tuple[bytes, float]]) -> dict[str, float]:
    """Tokens' logarithms by their names; of two tokens with one text, the less likely one by its bytes."""
    named: dict[str, float] = {}
    for piece, logprob in top:
        text = name(piece)
        named[_bytes(piece) if text in named else text] = logprob
    return named


def _bytes(piece: bytes) -> str:
    return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)
