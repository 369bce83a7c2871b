"""A step that never ends is told from a slow one."""

from __future__ import annotations

import pytest

from tasks.engine.step_clock import REMEMBERED_STEPS, TIMES_AS_LONG, StepClock


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.clock = StepClock(lambda: self.now)

    def steps(self, *seconds: float) -> None:
        """Steps that took so long."""
        for each in seconds:
            with self.clock.step():
                self.now += each

    def fail_after(self, seconds: float) -> None:
        """What a step does that breaks."""
        self.now += seconds
        raise RuntimeError

    def stuck_after(self, seconds: float, *, least: float = 1.0) -> bool:
        """Whether a step that has taken so long counts as stuck."""
        with self.clock.step():
            self.now += seconds
            return self.clock.stuck(least)


def test_no_engine_is_stuck_before_its_first_step() -> None:
    hands = Hands()
    hands.now += 1000
    assert not hands.clock.stuck(1.0)


def test_no_engine_is_stuck_between_steps() -> None:
    hands = Hands()
    hands.steps(0.01, 50.0)
    hands.now += 1000
    assert not hands.clock.stuck(1.0)


def test_a_first_step_is_stuck_after_the_least_time() -> None:
    assert not Hands().stuck_after(1.0)
    assert Hands().stuck_after(1.1)


def test_quick_steps_leave_the_least_time_as_it_is() -> None:
    hands = Hands()
    hands.steps(*[0.01] * 10)
    assert not hands.stuck_after(1.0)
    assert hands.stuck_after(1.1)


def test_slow_steps_are_given_twenty_times_their_median() -> None:
    hands = Hands()
    hands.steps(2.0, 3.0, 3.0, 3.0, 90.0)
    assert not hands.stuck_after(3.0 * TIMES_AS_LONG)
    assert hands.stuck_after(3.0 * TIMES_AS_LONG + 0.1)


def test_one_slow_step_among_quick_ones_excuses_no_other() -> None:
    hands = Hands()
    hands.steps(0.01, 500.0, 0.01)
    assert hands.stuck_after(1.1)


def test_what_was_usual_long_ago_is_forgotten() -> None:
    hands = Hands()
    hands.steps(*[10.0] * REMEMBERED_STEPS, *[0.01] * REMEMBERED_STEPS)
    assert hands.stuck_after(1.1)


def test_a_step_that_failed_has_ended() -> None:
    hands = Hands()
    with pytest.raises(RuntimeError), hands.clock.step():
        hands.fail_after(0.5)
    hands.now += 1000
    assert not hands.clock.stuck(1.0)
    assert not hands.stuck_after(0.5 * TIMES_AS_LONG), "and it counts as one that took half a second"
