"""A text that is cut where the context ends keeps what the model wants around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from tasks.engine.backend import Vocabulary
from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.worker.truncation import truncated

BEGIN, END = 254, 255


class Marked(FakeEmbeddingBackend):
    """Puts a token before each text, and one behind it, as models of BERT's kind do."""

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        tokens = super().tokenize(text, add_special=add_special, parse_special=parse_special)
        return [BEGIN, *tokens, END] if add_special else tokens


def vocabulary(kind: Any, context: int) -> Vocabulary:
    return cast("Vocabulary", kind(num_slots=1, context=context))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("abc", b"abc"), ("abcdef", b"abcd"), ("abcd", b"abcd"), ("é" * 9, "éé".encode()), ("abcé", b"abc")],
)
def test_the_first_tokens_stay(text: str, tokens: Sequence[int]) -> None:
    assert truncated(text, vocabulary(FakeEmbeddingBackend, 4)) == list(tokens)


def test_what_stands_around_a_text_stays_around_its_beginning() -> None:
    assert truncated("abcdef", vocabulary(Marked, 5)) == [BEGIN, *b"abc", END]
    assert truncated("abc", vocabulary(Marked, 5)) == [BEGIN, *b"abc", END]
    assert len(truncated("x" * 10**6, vocabulary(Marked, 512))) == 512
