"""How much of a prompt goes into a step: as much as fits in the time, and never so little that it stands still."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.pace import LEAST_TOKENS, STEP_SECONDS, Pace

BATCH = 512


def measured(*, decode: float = 0.01, token: float = 0.001) -> Pace:
    """A pace that has seen steps of so many seconds, and prompt tokens of so many seconds each."""
    pace = Pace(BATCH)
    pace.observe(num_decoding=4, num_prompt_tokens=0, seconds=decode)
    pace.observe(num_decoding=0, num_prompt_tokens=100, seconds=100 * token)
    return pace


def test_a_prompt_that_nobody_waits_for_fills_the_batch() -> None:
    assert Pace(BATCH).prompt_tokens(0) == BATCH
    assert measured(token=1).prompt_tokens(0) == BATCH


def test_before_anything_is_known_a_prompt_beside_others_gets_little() -> None:
    assert Pace(BATCH).prompt_tokens(1) == LEAST_TOKENS


def test_steps_that_only_decode_tell_nothing_of_prompts() -> None:
    pace = Pace(BATCH)
    pace.observe(num_decoding=4, num_prompt_tokens=0, seconds=0.01)
    assert pace.prompt_tokens(1) == LEAST_TOKENS


def test_a_prompt_gets_the_time_that_decoding_leaves() -> None:
    assert 239 <= measured(decode=0.01, token=0.001).prompt_tokens(4) <= 240
    assert 99 <= measured(decode=0.05, token=0.002).prompt_tokens(4) <= 100


@pytest.mark.parametrize(
    ("num_decoding", "num_starting", "tokens"), [(4, 0, 120), (4, 4, 245), (2, 1, 182), (1, 2, 370), (16, 1, 127)]
)
def test_a_step_is_as_much_longer_as_more_sequences_wait_for_their_first_token(
    num_decoding: int, num_starting: int, tokens: int
) -> None:
    pace = measured(decode=0.01, token=0.002)
    assert tokens - 1 <= pace.prompt_tokens(num_decoding, num_starting) <= tokens


def test_sequences_that_start_change_nothing_where_nobody_decodes_or_nothing_is_known() -> None:
    assert measured(token=1).prompt_tokens(0, 8) == BATCH
    assert Pace(BATCH).prompt_tokens(1, 8) == LEAST_TOKENS


def test_a_fast_machine_is_limited_by_the_batch() -> None:
    assert measured(token=1e-6).prompt_tokens(4) == BATCH


def test_a_slow_machine_still_gets_on() -> None:
    assert measured(token=1).prompt_tokens(4) == LEAST_TOKENS


def test_decoding_that_takes_all_the_time_leaves_a_little_for_prompts() -> None:
    assert measured(decode=2 * STEP_SECONDS).prompt_tokens(4) == LEAST_TOKENS


def test_of_a_mixed_step_the_time_of_decoding_is_not_the_prompts() -> None:
    pace = Pace(BATCH)
    pace.observe(num_decoding=4, num_prompt_tokens=0, seconds=0.05)
    pace.observe(num_decoding=4, num_prompt_tokens=100, seconds=0.25)
    assert 99 <= pace.prompt_tokens(4) <= 100


def test_of_a_step_without_decoding_all_the_time_is_the_prompts() -> None:
    pace = Pace(BATCH)
    pace.observe(num_decoding=4, num_prompt_tokens=0, seconds=0.05)
    pace.observe(num_decoding=0, num_prompt_tokens=100, seconds=0.2)
    assert 99 <= pace.prompt_tokens(4) <= 100


def test_a_short_end_of_a_prompt_is_no_measure() -> None:
    pace = measured()
    before = pace.prompt_tokens(4)
    pace.observe(num_decoding=4, num_prompt_tokens=LEAST_TOKENS - 1, seconds=5)
    assert pace.prompt_tokens(4) == before


def test_one_slow_step_moves_the_pace_by_a_part() -> None:
    pace = measured(token=0.001)
    pace.observe(num_decoding=0, num_prompt_tokens=100, seconds=100 * 0.002)
    assert 183 <= pace.prompt_tokens(4) <= 185


def test_the_pace_comes_to_a_machine_that_has_changed() -> None:
    pace = measured(token=0.001)
    for _ in range(50):
        pace.observe(num_decoding=0, num_prompt_tokens=100, seconds=100 * 0.002)
    assert 119 <= pace.prompt_tokens(4) <= 121


def test_a_mixed_step_faster_than_decoding_alone_is_no_negative_time() -> None:
    pace = measured(decode=0.1)
    pace.observe(num_decoding=4, num_prompt_tokens=100, seconds=0.01)
    assert LEAST_TOKENS <= pace.prompt_tokens(4) <= BATCH


@given(
    steps=st.lists(st.tuples(st.integers(0, 8), st.integers(0, BATCH), st.floats(1e-6, 10)), max_size=30),
    num_decoding=st.integers(1, 8),
    num_starting=st.integers(0, 8),
)
def test_whatever_was_measured_a_prompt_gets_something_and_no_more_than_a_batch(
    steps: list[tuple[int, int, float]], num_decoding: int, num_starting: int
) -> None:
    pace = Pace(BATCH)
    for decoding, prompt, seconds in steps:
        pace.observe(num_decoding=decoding, num_prompt_tokens=prompt, seconds=seconds)
    tokens = pace.prompt_tokens(num_decoding, num_starting)
    assert LEAST_TOKENS <= tokens <= pace.prompt_tokens(num_decoding, num_starting + 1) <= BATCH
    assert pace.prompt_tokens(0, num_starting) == BATCH


def test_a_stale_slow_decode_step_does_not_end_in_an_overflow() -> None:
    pace = Pace(512)
    pace.observe(num_decoding=0, num_prompt_tokens=100, seconds=0.1)
    pace.observe(num_decoding=16, num_prompt_tokens=0, seconds=0.3)
    for _ in range(4000):
        tokens = pace.prompt_tokens(2)
        pace.observe(num_decoding=2, num_prompt_tokens=tokens, seconds=0.05 + 0.001 * tokens)
    assert pace.prompt_tokens(2) > 100


# -- tiles: from so many tokens on, the hardware runs them in another way

TILE = 64


def tiled() -> Pace:
    pace = Pace(BATCH, tile_tokens=TILE)
    pace.observe(num_decoding=4, num_prompt_tokens=0, seconds=0.01)
    return pace


def learn(pace: Pace, *, tokens: int, token_seconds: float, times: int = 30) -> None:
    for _ in range(times):
        pace.observe(num_decoding=4, num_prompt_tokens=tokens, seconds=0.01 + tokens * token_seconds)


def test_a_tile_is_tried_where_it_may_fit() -> None:
    pace = tiled()
    learn(pace, tokens=24, token_seconds=0.01)
    assert pace.prompt_tokens(4) == TILE


def test_a_tile_that_does_not_fit_is_left_for_few_tokens() -> None:
    pace = tiled()
    learn(pace, tokens=24, token_seconds=0.01)
    learn(pace, tokens=TILE, token_seconds=0.006)
    assert LEAST_TOKENS <= pace.prompt_tokens(4) < TILE


def test_a_tile_may_take_a_little_longer() -> None:
    pace = tiled()
    learn(pace, tokens=TILE, token_seconds=0.0042)
    assert pace.prompt_tokens(4) == TILE


def test_a_tile_is_tried_again_when_few_tokens_have_become_cheap() -> None:
    pace = tiled()
    learn(pace, tokens=TILE, token_seconds=0.1)
    learn(pace, tokens=24, token_seconds=0.001)
    assert pace.prompt_tokens(4) == TILE
