"""Where a job's time went, in llama-server's figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.endpoints.openai.timings import RunningTimings, figures, timings
from tasks.records.event import TELLS_TIMES, Cursor, Event
from tasks.records.job import Job, Operation
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
    assert "draft_n" not in made
    made = timings(replace(outcome, timings=replace(taken, drafted_tokens=7, accepted_tokens=5)))
    assert (made["draft_n"], made["draft_n_accepted"]) == (7, 5)


def job(**request: bool) -> Job:
    return Job(id="1", model="demo", operation=Operation.CHAT, request=request)


def piece(cursor: str, *tokens: int, prefill: float, decode: float, index: int = 0, prompt: int = 0) -> Event:
    return Event(
        Cursor.parse(cursor),
        "token",
        index=index,
        tokens=tokens,
        prompt_tokens=prompt,
        cached_tokens=prompt // 3,
        prefill_seconds=prefill,
        decode_seconds=decode,
    )


def test_each_piece_tells_the_times_of_its_choice_so_far() -> None:
    made = RunningTimings(job(**{TELLS_TIMES: True}))
    first = made.of(piece("2-1", 5, prefill=0.5, decode=0.0, prompt=9))
    assert first
    assert (first["cache_n"], first["prompt_n"], first["prompt_ms"]) == (3, 6, 500)
    assert (first["predicted_n"], first["predicted_ms"], first["predicted_per_second"]) == (1, 0, 0)
    other = made.of(piece("2-2", 5, prefill=0.25, decode=0.0, index=1, prompt=3))
    assert other
    assert (other["prompt_n"], other["prompt_ms"]) == (2, 250)
    second = made.of(piece("2-3", 6, 7, prefill=0.5, decode=0.2))
    assert second
    assert (second["prompt_n"], second["predicted_n"]) == (6, 3)
    assert (second["predicted_ms"], second["predicted_per_second"]) == (200, 10)


def test_a_worker_that_goes_on_adds_to_the_times_and_reads_the_prompt_for_itself() -> None:
    made = RunningTimings(job(**{TELLS_TIMES: True}))
    made.of(piece("2-1", 5, prefill=0.5, decode=0.0, prompt=9))
    made.of(piece("2-2", 6, prefill=0.5, decode=0.25))
    next_one = made.of(piece("7-1", 7, prefill=4.0, decode=0.0))
    assert next_one
    assert (next_one["prompt_ms"], next_one["predicted_n"], next_one["predicted_ms"]) == (500, 3, 250)
    last = made.of(piece("7-2", 8, prefill=4.0, decode=0.5))
    assert last
    assert (last["predicted_n"], last["predicted_ms"]) == (4, 750)


def test_progress_tells_them_as_far_as_the_prompt_is_read() -> None:
    made = RunningTimings(job(**{TELLS_TIMES: True}))

    def told(processed: int, seconds: float) -> tuple[int, float, int]:
        event = Event(
            Cursor(2, 1), "progress", prompt_tokens=9, cached_tokens=3, processed_tokens=processed, seconds=seconds
        )
        taken = made.of(event)
        assert taken
        return taken["prompt_n"], taken["prompt_ms"], taken["predicted_n"]

    assert told(3, 0.125) == (0, 0, 0)
    assert told(7, 0.25) == (4, 250, 0)


def test_who_does_not_ask_is_told_none_and_neither_is_the_reader_of_an_older_worker() -> None:
    assert RunningTimings(job()).of(piece("2-1", 5, prefill=0.5, decode=0.0, prompt=9)) is None
    asked = RunningTimings(job(**{TELLS_TIMES: True}))
    assert asked.of(piece("2-1", 5, prefill=0.0, decode=0.0, prompt=9)) is None
    assert asked.of(Event(Cursor(2, 0), "status", status="running")) is None
