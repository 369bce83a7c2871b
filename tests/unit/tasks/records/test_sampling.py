"""Sampling parameters and the seeds of draws."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.sampling import MAX_SEED, SamplingParams, draw_seed

seeds = st.integers(0, MAX_SEED)
small = st.integers(0, 10_000)
params = st.builds(
    SamplingParams,
    max_tokens=st.none() | st.integers(1),
    temperature=st.floats(0, 2),
    top_k=st.integers(0),
    top_p=st.floats(0, 1),
    seed=seeds,
    stop=st.lists(st.text(min_size=1)).map(tuple),
    ignore_eos=st.booleans(),
    n=st.integers(1, 128),
)


@given(params)
def test_what_is_encoded_is_decoded(one: SamplingParams) -> None:
    assert SamplingParams.decode(json.loads(json.dumps(one.encode()))) == one


def test_keys_of_a_newer_version_are_left_out() -> None:
    newer = {**SamplingParams(top_k=3).encode(), "mirostat": 2}
    assert SamplingParams.decode(newer) == SamplingParams(top_k=3)


def test_keys_that_are_missing_are_the_defaults() -> None:
    assert SamplingParams.decode({"seed": 4}) == SamplingParams(seed=4)


def test_temperature_0_is_greedy() -> None:
    assert SamplingParams(temperature=0).greedy
    assert SamplingParams(temperature=0.0).greedy
    assert not SamplingParams(temperature=0.01).greedy


@pytest.mark.parametrize(
    "one",
    [
        SamplingParams(repeat_penalty=1.1),
        SamplingParams(presence_penalty=-0.5),
        SamplingParams(frequency_penalty=0.1),
    ],
)
def test_any_penalty_makes_it_penalised(one: SamplingParams) -> None:
    assert one.penalised
    assert not SamplingParams().penalised


@given(seeds, small, small)
def test_a_draws_seed_is_always_the_same_32_bits(seed: int, index: int, position: int) -> None:
    assert draw_seed(seed, index, position) == draw_seed(seed, index, position)
    assert 0 <= draw_seed(seed, index, position) < 2**32


def test_the_seeds_of_draws_stay_as_they_are() -> None:
    """A worker of the next version goes on with the streams of this one."""
    assert [draw_seed(1, 0, position) for position in range(3)] == [34409317, 3272260992, 3966632782]


@pytest.mark.parametrize("vary", ["seed", "index", "position"])
def test_each_of_the_three_changes_the_draw(vary: str) -> None:
    drawn = {
        draw_seed(*(number if name == vary else 1 for name in ("seed", "index", "position"))) for number in range(1000)
    }
    assert len(drawn) == 1000


def test_index_and_position_are_not_mixed_up() -> None:
    assert draw_seed(1, 2, 3) != draw_seed(1, 3, 2)
    assert draw_seed(1, 23, 4) != draw_seed(12, 3, 4) != draw_seed(1, 2, 34)


def test_a_default_takes_no_room_but_what_other_releases_read_is_always_there() -> None:
    assert SamplingParams(top_k=3).encode().keys() == {"max_tokens", "temperature", "top_p", "seed", "n", "top_k"}
