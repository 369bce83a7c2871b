"""JSON in pieces: the same JSON, and no large piece."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.endpoints.openai.completion import chat_logprobs, token_logprob
from app.http import json_pieces
from app.http.json_pieces import pieces
from tasks.records.logprobs import TokenLogprobs
from tasks.records.size import MOST_LOGPROBS

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)
MOST_CHARACTERS = 32_000
"""In one piece: well under a millisecond of one processor."""


@pytest.mark.parametrize("most", [1, 50, json_pieces.PIECE])
@given(value=VALUES)
def test_the_pieces_are_the_json(value: Any, most: int) -> None:
    with patch.object(json_pieces, "PIECE", most):
        assert "".join(pieces(value)) == json.dumps(value, separators=(",", ":"))


@given(value=st.dictionaries(st.text() | st.integers() | st.booleans() | st.none() | st.floats(), VALUES))
def test_names_that_are_no_texts_are_those_of_the_encoder(value: Any) -> None:
    with patch.object(json_pieces, "PIECE", 1):
        assert "".join(pieces(value)) == json.dumps(value, separators=(",", ":"))


def test_large_items_behind_small_ones_are_made_in_small_pieces() -> None:
    large = [{"text": "x" * 100, "more": [None] * 9}] * 500
    assert max(map(len, pieces([1, {"a": []}, large, *[[]] * 50_000, {"b": large}]))) < MOST_CHARACTERS


def test_the_largest_result_is_made_in_small_pieces() -> None:
    top = tuple((b" token %d" % number, -1.234567) for number in range(20))
    logprobs = [TokenLogprobs(5, b" token", -0.123456, top)] * (MOST_LOGPROBS // 21)
    job = {"result": {"choices": [{"logprobs": chat_logprobs(logprobs)}]}}
    assert max(map(len, pieces(job))) < MOST_CHARACTERS


def test_the_last_event_of_a_responses_stream_is_made_in_small_pieces() -> None:
    top = tuple((b" token %d" % number, -1.234567) for number in range(20))
    logprobs = [token_logprob(TokenLogprobs(5, b" token", -0.123456, top))] * (MOST_LOGPROBS // 21)
    event = {"response": {"output": [{"content": [{"type": "output_text", "logprobs": logprobs}]}]}}
    assert max(map(len, pieces(event))) < MOST_CHARACTERS


def test_vectors_are_made_in_small_pieces() -> None:
    vectors = {"result": {"data": [{"embedding": [0.123456789012345] * 8192}] * 3}}
    assert max(map(len, pieces(vectors))) < MOST_CHARACTERS
