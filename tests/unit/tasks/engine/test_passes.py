"""Which rows of a batch run together: every row once, in an order that the cache allows, in sizes that cost least."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.backend import Row
from tasks.engine.pace import LEAST_TOKENS
from tasks.engine.passes import TILE_ROWS, Pass, fit, split

BLOCKS = [4, 16]

chunks = st.lists(st.tuples(st.integers(1, 90), st.booleans()), max_size=8)
"""Chunks of prompts: how many tokens, and whether they end the prompt."""
batches = st.builds(lambda num_decoding, of: batch(*[(1, True)] * num_decoding, *of), st.integers(0, 70), chunks)
blocks = st.sampled_from(BLOCKS)


def batch(*of: tuple[int, bool]) -> list[Row]:
    """Rows of chunks, each in a slot of its own; of those that are complete the last row wants logits."""
    return [
        Row(7, position, slot, completes and position == count - 1)
        for slot, (count, completes) in enumerate(of)
        for position in range(count)
    ]


def sizes(passes: list[Pass]) -> list[tuple[int, int]]:
    return [(len(part.indices), part.padding) for part in passes]


# -- what always holds


@given(rows=batches, block_rows=blocks)
def test_every_row_is_in_exactly_one_pass(rows: list[Row], block_rows: int) -> None:
    passes = split(rows, block_rows=block_rows)
    assert sorted(at for part in passes for at in part.indices) == list(range(len(rows)))


@given(rows=batches, block_rows=blocks)
def test_rows_of_one_slot_keep_their_order(rows: list[Row], block_rows: int) -> None:
    reached: dict[int, int] = {}
    for part in split(rows, block_rows=block_rows):
        for at in part.indices:
            assert rows[at].position == reached.get(rows[at].slot, 0)
            reached[rows[at].slot] = rows[at].position + 1


@given(rows=batches, block_rows=blocks)
def test_all_rows_whose_logits_are_wanted_are_in_the_last_pass(rows: list[Row], block_rows: int) -> None:
    *earlier, _ = split(rows, block_rows=block_rows)
    assert not any(rows[at].wants_logits for part in earlier for at in part.indices)


@given(rows=batches.filter(bool), block_rows=blocks)
def test_no_pass_is_empty_and_padding_is_less_than_a_block(rows: list[Row], block_rows: int) -> None:
    assert all(count > 0 and 0 <= padding < block_rows for count, padding in sizes(split(rows, block_rows=block_rows)))


@given(rows=batches.filter(lambda rows: len(rows) < TILE_ROWS), block_rows=blocks)
def test_a_batch_that_makes_no_tile_is_one_pass_in_order(rows: list[Row], block_rows: int) -> None:
    (only,) = split(rows, block_rows=block_rows)
    assert only.indices == list(range(len(rows)))


# -- examples


def test_decoding_rows_run_apart_from_a_long_chunk() -> None:
    rows = batch(*[(1, True)] * 16, (100, False))
    assert split(rows, block_rows=16) == [Pass(list(range(16, 116)), 0), Pass(list(range(16)), 0)]


def test_the_last_token_of_a_prompt_runs_after_what_it_follows() -> None:
    rows = batch((1, True), (100, True))
    assert split(rows, block_rows=4) == [Pass(list(range(1, 100)), 1), Pass([0, 100], 0)]


@pytest.mark.parametrize(("count", "passes"), [(TILE_ROWS - 1, 1), (TILE_ROWS, 2)])
def test_as_many_rows_as_make_a_tile_are_split(count: int, passes: int) -> None:
    assert len(split(batch((1, True), (count - 1, False)), block_rows=4)) == passes


def test_chunks_that_want_nothing_are_one_pass() -> None:
    assert sizes(split(batch((40, False), (40, False)), block_rows=16)) == [(80, 0)]


def test_sequences_that_all_decode_are_one_pass() -> None:
    assert sizes(split(batch(*[(1, True)] * 80), block_rows=16)) == [(80, 0)]


@pytest.mark.parametrize(
    ("block_rows", "count", "padding"),
    [
        *[(16, 1, 0), (16, 3, 1), (16, 8, 0), (16, 9, 7), (16, 13, 3), (16, 15, 1), (16, 16, 0), (16, 17, 0)],
        *[(4, 1, 0), (4, 2, 0), (4, 3, 1), (4, 9, 0), (4, 15, 1), (4, 16, 0)],
    ],
)
def test_rows_are_added_where_more_of_them_take_less_time(block_rows: int, count: int, padding: int) -> None:
    assert sizes(split(batch(*[(1, True)] * count), block_rows=block_rows)) == [(count, padding)]


# -- how many tokens of prompts


@given(st.integers(LEAST_TOKENS, 2048), blocks)
def test_tokens_of_prompts_make_whole_blocks(prompt_tokens: int, block_rows: int) -> None:
    fitting = fit(prompt_tokens, block_rows=block_rows)
    assert fitting % block_rows == 0
    assert prompt_tokens - block_rows < fitting <= prompt_tokens


@given(st.integers(0, 2048), blocks)
def test_a_step_runs_enough_of_prompts_to_be_measured(prompt_tokens: int, block_rows: int) -> None:
    assert fit(prompt_tokens, block_rows=block_rows) >= LEAST_TOKENS
