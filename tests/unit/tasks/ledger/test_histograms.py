"""Which durations a worker hands to the ledger's histograms."""

from __future__ import annotations

import pytest

from tasks.ledger.histograms import BOUNDS, DURATIONS, TOLD, measured
from tasks.records.outcome import Choice, Outcome, Timings, Usage


def outcome(*, choices: int = 1, timings: Timings | None) -> Outcome:
    made = tuple(Choice(index=index, text="", finish_reason="stop") for index in range(choices))
    return Outcome(choices=made, usage=Usage(prompt_tokens=3, completion_tokens=9), timings=timings)


def timings(*, decode_seconds: float, tokens_per_second: float | None) -> Timings:
    return Timings(
        queue_seconds=1.0, prefill_seconds=0.5, decode_seconds=decode_seconds, tokens_per_second=tokens_per_second
    )


@pytest.mark.parametrize("choices", [1, 3])
def test_the_time_between_tokens_is_that_of_one_choice(choices: int) -> None:
    """Eleven tokens a choice are ten times between them, whatever runs beside it."""
    made = outcome(choices=choices, timings=timings(decode_seconds=2.0, tokens_per_second=11 * choices / 2.0))
    assert measured(made) == pytest.approx({"wait": 1.0, "prefill": 0.5, "token": 0.2})


def test_one_token_has_none_between() -> None:
    assert "token" not in measured(outcome(timings=timings(decode_seconds=0.1, tokens_per_second=10)))


def test_vectors_have_no_tokens() -> None:
    assert "token" not in measured(outcome(choices=0, timings=timings(decode_seconds=0.0, tokens_per_second=None)))


def test_a_job_that_an_earlier_worker_finished_was_not_measured() -> None:
    assert measured(outcome(timings=None)) == {}


def test_bounds_rise() -> None:
    assert sorted(BOUNDS, key=float) == list(BOUNDS)
    assert len(set(BOUNDS)) == len(BOUNDS)


def test_what_is_told_of_each_duration_are_some_of_the_bounds() -> None:
    assert set(TOLD) == set(DURATIONS)
    for told in TOLD.values():
        assert list(told) == [bound for bound in BOUNDS if bound in told]
