"""Where a job's time went, in llama-server's figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.endpoints.openai.timings import figures, timings
from tasks.records.outcome import Outcome, Timings


def test_the_first_token_takes_no_step() -> None:
    made = figures(num_prompt=12, num_cached=2, prompt_seconds=0.5, num_predicted=5, predicted_seconds=2.0)
    assert made == {
        "cache_n": 2,
        "prompt_n": 10,
        "prompt_ms": 500.0,
        "prompt_per_token_ms": 50.0,
        "prompt_per_second": 20.0,
        "predicted_n": 5,
        "predicted_ms": 2000.0,
        "predicted_per_token_ms": 500.0,
        "predicted_per_second": 2.0,
    }


@pytest.mark.parametrize("num_predicted", [0, 1])
def test_what_cannot_be_divided_is_0(num_predicted: int) -> None:
    made = figures(num_prompt=4, num_cached=4, prompt_seconds=0, num_predicted=num_predicted, predicted_seconds=0)
    assert {value for name, value in made.items() if not name.endswith("_n")} == {0.0}


def test_they_are_those_of_the_job(outcome: Outcome) -> None:
    taken = Timings(queue_seconds=9, prefill_seconds=0.25, decode_seconds=1.5, tokens_per_second=4)
    made = timings(replace(outcome, timings=taken))
    assert (made["prompt_ms"], made["predicted_ms"], made["predicted_n"]) == (250, 1500, 7)
    assert timings(replace(outcome, timings=None))["prompt_ms"] == 0
