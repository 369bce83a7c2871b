"""Who gives way to whom in the engine, and that nobody's text suffers by it."""

from __future__ import annotations

import time
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.scheduler import Scheduler
from tasks.engine.sequence import Sequence
from tasks.sampling import SamplingParams
from tests.unit.decoding import CONTEXT, alone, drain, sequence
from tests.unit.test_scheduler import chunks, prompt, run, scheduler, step

NOW = time.monotonic() + 1e6


def ranked(rank: int, length: int = 4) -> Sequence:
    made = prompt(length)
    made.rank, made.yields = rank, rank == 2
    return made


def low(length: int = 4, *, spared_seconds: float = 0.0) -> Sequence:
    made = ranked(2, length)
    made.spared_seconds = spared_seconds
    return made


def running(of: Scheduler) -> list[Sequence]:
    of.plan(0, now=NOW)
    return of.running


def test_the_more_urgent_get_slots_first_and_each_rank_in_its_order() -> None:
    sequences = [ranked(rank) for rank in (2, 1, 0, 2, 1, 0)]
    waiting = scheduler(*sequences)
    assert list(waiting.waiting) == [sequences[i] for i in (2, 5, 1, 4, 0, 3)]


def test_an_urgent_sequence_takes_the_slot_of_the_youngest_that_gives_way() -> None:
    first, second, urgent = low(), low(), ranked(0)
    of = scheduler(first, second, slots=2)
    run(of.plan(100, now=NOW))
    of.add(urgent)
    assert running(of) == [first, urgent]
    assert of.take_outranked() == [second]
    assert of.take_outranked() == []
    assert list(of.waiting) == [second]
    assert of.num_set_back == 0


def test_one_gives_way_to_one() -> None:
    lows = [low() for _ in range(4)]
    of = scheduler(*lows)
    running(of)
    of.add(ranked(1))
    assert len(set(running(of)) & set(lows)) == 3
    running(of)
    assert len(of.take_outranked()) == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_the_urgent_do_not_give_way_to_each_other(rank: int) -> None:
    first, second = ranked(rank), ranked(0)
    of = scheduler(first, slots=1)
    running(of)
    of.add(second)
    assert running(of) == [first]


def test_low_ones_do_not_give_way_to_each_other() -> None:
    first, second = low(), low()
    of = scheduler(first, slots=1)
    running(of)
    of.add(second)
    assert running(of) == [first]


def test_one_that_is_spared_gives_way_later() -> None:
    spared, urgent = low(spared_seconds=30), ranked(0)
    of = scheduler(spared, slots=1)
    running(of)
    of.add(urgent)
    of.plan(0, now=spared.started_at + 29)
    assert of.running == [spared]
    of.plan(0, now=spared.started_at + 30)
    assert of.running == [urgent]


def test_an_urgent_sequence_takes_cells_as_well_as_slots() -> None:
    lows, urgent = [low(20), low(20)], ranked(0, 40)
    of = scheduler(*lows, slots=4, cache=64)
    run(of.plan(100, now=NOW))
    of.add(urgent)
    assert running(of) == [lows[0], urgent]


def test_when_the_cache_is_full_the_least_urgent_is_set_back_first() -> None:
    sequences = [ranked(1, 6), low(6), ranked(1, 6)]
    of = scheduler(*sequences, cache=22, batch=32)
    for _ in range(4):
        step(of)
    assert of.running == [sequences[0], sequences[2]]
    assert of.num_set_back == 1
    assert of.take_outranked() == []


def test_who_has_given_way_goes_on_first_of_its_rank() -> None:
    first, later, urgent = low(), low(), ranked(0)
    of = scheduler(first, slots=1)
    run(of.plan(100, now=NOW))
    of.add(later)
    of.add(urgent)
    assert running(of) == [urgent]
    of.remove(urgent)
    assert [each for each, _ in chunks(of.plan(100, now=NOW))] == [first]


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2]), st.integers(1, 12), st.integers(0, 20), st.integers(1, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_every_text_is_the_same_whoever_gave_way(jobs: list[tuple[int, int, int, int]]) -> None:
    """Sequences of all ranks that come at any step, to an engine with few slots and cells."""
    sequences = [made(number, rank, length, most) for number, (rank, length, _, most) in enumerate(jobs)]
    undisturbed = [alone(each).text for each in sequences]
    outranked: list[Hashable] = []
    engine = Engine(FakeBackend(num_slots=2, context=CONTEXT, cache_tokens=CONTEXT), on_outranked=outranked.append)
    for at in range(21):
        engine.submit(each for each, (_, _, comes, _) in zip(sequences, jobs, strict=True) if comes == at)
        engine.step()
    drain(engine)
    assert [each.text for each in sequences] == undisturbed
    assert set(outranked) <= {number for number, (rank, *_) in enumerate(jobs) if rank == 2}


def made(number: int, rank: int, length: int, most: int) -> Sequence:
    params = SamplingParams(temperature=0, max_tokens=most)
    new = sequence([ord("a") + number, *range(length)], job=number, params=params)
    new.rank, new.yields = rank, rank == 2
    return new
