"""How much may be kept beside running sequences: what prompts find stays, what they miss goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.allowance import AT_FIRST, Allowance

depths = st.integers(0, 100_000)
events = st.lists(st.none() | depths, max_size=40)
"""Prompts: the depth at which each found its prefix, or None."""


def after(*prompts: int | None) -> Allowance:
    allowance = Allowance()
    notice(allowance, prompts)
    return allowance


def notice(allowance: Allowance, prompts: tuple[int | None, ...]) -> None:
    for depth in prompts:
        if depth is None:
            allowance.missed()
        else:
            allowance.found(depth)


def test_before_any_prompt_something_may_be_kept() -> None:
    assert Allowance().cells == AT_FIRST


def test_a_prompt_that_found_its_prefix_deep_raises_it() -> None:
    assert after(10_000).cells == 12_500


def test_a_prompt_that_found_its_prefix_near_lowers_it_as_a_miss_does() -> None:
    assert 0 < after(1).cells == after(None).cells < AT_FIRST


def test_it_comes_down_to_what_prompts_find() -> None:
    assert after(50_000, *[100] * 100).cells == 125


@given(events)
def test_it_shrinks_to_nothing_with_misses(before: list[int | None]) -> None:
    assert after(*before, *[None] * 150).cells == 0


@given(before=events, depth=depths, misses=st.lists(st.integers(0, 2), max_size=20))
def test_a_prefix_that_every_third_prompt_finds_is_never_forgotten(
    before: list[int | None], depth: int, misses: list[int]
) -> None:
    allowance = after(*before)
    for count in misses:
        allowance.found(depth)
        assert allowance.cells >= depth
        for _ in range(count):
            allowance.missed()
            assert allowance.cells >= depth


@given(before=events, less=depths, more=depths)
def test_a_deeper_find_never_leaves_less(before: list[int | None], less: int, more: int) -> None:
    less, more = sorted((less, more))
    assert after(*before, None).cells <= after(*before, less).cells <= after(*before, more).cells
