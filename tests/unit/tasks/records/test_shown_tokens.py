"""Which tokens are told of beside a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.detokenizer import Detokenizer
from tasks.engine.stop_strings import StopStrings
from tasks.records.logprobs import TokenLogprobs
from tasks.records.shown_tokens import Offsets, ShownTokens, of_shown

LLAMA = "\N{LLAMA}".encode()


def tokens(*pieces: bytes) -> list[TokenLogprobs]:
    return [TokenLogprobs(number, piece, -0.5, ()) for number, piece in enumerate(pieces)]


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


@pytest.mark.parametrize(
    ("pieces", "text", "count"),
    [
        ([b"One", b" two", b" three"], "One", 1),
        ([b"One", b" two", b" three"], "One two three", 3),
        ([b"One", b" two!"], "One t", 2),
        ([b"One"], "", 0),
        ([b"a", LLAMA[:1], LLAMA[1:2], LLAMA[2:3], LLAMA[3:], b"z"], "a", 1),
        ([b"a", LLAMA[:1], LLAMA[1:2], LLAMA[2:3], LLAMA[3:], b"z"], "a\N{LLAMA}", 5),
        ([b"a", LLAMA[:2]], "a\ufffd", 2),
        ([b"a", b""], "a", 2),
        ([b"a", b"", b"END"], "a", 1),
    ],
    ids=["cut", "whole", "within", "all", "before", "after", "half", "end", "control"],
)
def test_tokens_of_text_that_was_cut_are_not_told(pieces: list[bytes], text: str, count: int) -> None:
    assert of_shown(text, tokens(*pieces)) == tuple(tokens(*pieces)[:count])


def test_those_of_a_prompt_are_told_whatever_the_text() -> None:
    told = of_shown("", tokens(b"What", b" is", b" it"), num_prompt=2)
    assert [one.piece for one in told] == [b"What", b" is"]


PIECES = st.lists(
    st.sampled_from([b"a", b"ab", b"b", b" ", b"", LLAMA, *(bytes([byte]) for byte in LLAMA)]), max_size=12
)
STOPS = st.lists(st.sampled_from(["a", "ab", "bb", "\N{LLAMA}", " a", "b\N{LLAMA}a"]), max_size=3)


@given(PIECES, STOPS)
def test_a_stream_tells_what_the_whole_does_and_no_more_than_the_text_has(
    pieces: list[bytes], words: list[str]
) -> None:
    stops, detokenizer, shown = StopStrings(words), Detokenizer(), ShownTokens[TokenLogprobs]()
    made, text, told = tokens(*pieces), "", []
    used = 0
    for token in made:
        piece = stops.feed(detokenizer.feed(token.piece))
        text, used = text + piece, used + 1
        told += shown.feed(piece, [token])
        assert b"".join(one.piece for one in told).decode(errors="replace").startswith(text.rstrip("\ufffd"))
        if stops.stopped:
            break
    else:
        piece = stops.feed(detokenizer.flush()) + stops.flush()
        text += piece
        told += shown.feed(piece, [])
    told += shown.finish()
    assert tuple(told) == of_shown(text, made[:used])
    whole = b"".join(one.piece for one in told).decode(errors="replace")
    assert whole == text if not stops.stopped else whole.startswith(text)
    if stops.stopped:
        assert not told or len(b"".join(one.piece for one in told[:-1]).decode(errors="ignore")) < len(text)
