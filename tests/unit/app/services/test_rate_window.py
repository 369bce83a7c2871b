"""Windows of rate limits: what is left, and when there is more."""

from __future__ import annotations

from dataclasses import replace
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.rate_window import SECONDS, Window, duration

counts = st.integers(0, 200)


def later(window: Window, seconds: float) -> Window:
    """As the script of `limits` would find it after some seconds without use."""
    current_left = max(0.0, window.current_left - seconds)
    if current_left < SECONDS:  # the present minute has become the one before
        return replace(window, previous=window.current, previous_left=current_left, current=0, current_left=0.0)
    return replace(window, previous_left=max(0.0, window.previous_left - seconds), current_left=current_left)


def grants(window: Window, cost: int) -> bool:
    """The script's own rule."""
    return floor(window.previous * window.previous_left / SECONDS) + window.current + cost <= window.limit


@given(
    limit=st.integers(1, 100),
    previous=counts,
    current=counts,
    cost=st.integers(1, 100),
    elapsed=st.floats(0, 59.9),
)
def test_who_waits_as_told_is_let_through_and_not_much_sooner(
    limit: int, previous: int, current: int, cost: int, elapsed: float
) -> None:
    cost = min(cost, limit)
    window = Window(
        limit=limit,
        previous=min(previous, limit),
        previous_left=SECONDS - elapsed,
        current=min(current, limit),
        current_left=2 * SECONDS - elapsed,
    )
    wait = window.wait_seconds(cost)
    assert 1 <= wait <= 120
    assert grants(later(window, wait + 0.001), cost)
    if wait > 2:
        assert not grants(later(window, wait - 2), cost)


def test_nothing_used_leaves_all() -> None:
    fresh = Window(limit=5)
    assert (fresh.remaining, fresh.reset_seconds) == (5, 0)


def test_what_was_used_counts_whole_and_then_less_and_less() -> None:
    used = Window(limit=10, current=10, current_left=120)
    assert (used.remaining, used.reset_seconds) == (0, 120)
    assert later(used, 59).remaining == 0
    assert later(used, 90).remaining == 5
    assert later(used, 90).reset_seconds == 30
    assert later(used, 120).remaining == 10


def test_a_limit_that_is_overdrawn_has_nothing_left() -> None:
    assert Window(limit=3, previous=3, previous_left=60, current=3, current_left=120).remaining == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.017, "17ms"),
        (0.9991, "1000ms"),
        (1, "1s"),
        (59.2, "1m0s"),
        (59, "59s"),
        (61, "1m1s"),
        (360, "6m0s"),
    ],
)
def test_times_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text
