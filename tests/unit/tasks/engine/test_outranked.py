"""Who gives way to whom in the engine, and that nobody's text suffers by it."""

from __future__ import annotations

import time
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.scheduler import PATIENCE_SECONDS, Scheduler
from tasks.engine.sequence import Sequence
from tasks.engine.slots import SlotPool
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, alone, drain, sequence
from tests.unit.tasks.engine.test_scheduler import alike, chunks, prompt, run, scheduler, step

NOW = time.monotonic() + 1e6


def urgent_one(length: int = 4, *, job: str = "urgent") -> Sequence:
    return prompt(length, job)


def low(length: int = 4, *, spared_seconds: float = 0.0, job: str = "low") -> Sequence:
    made = prompt(length, job)
    made.yields, made.spared_seconds = True, spared_seconds
    return made


def running(of: Scheduler) -> list[Sequence]:
    of.plan(0, now=NOW)
    return of.running


def test_the_more_urgent_get_slots_first_and_others_in_their_order() -> None:
    sequences = [make() for make in (low, urgent_one, low, urgent_one)]
    assert running(scheduler(*sequences)) == [sequences[i] for i in (1, 3, 0, 2)]


def test_an_urgent_sequence_takes_the_slot_of_the_youngest_that_gives_way() -> None:
    first, second, urgent = low(), low(), urgent_one()
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
    of.add(urgent_one())
    assert len(set(running(of)) & set(lows)) == 3
    running(of)
    assert len(of.take_outranked()) == 1


def test_the_urgent_do_not_give_way_to_each_other() -> None:
    first, second = urgent_one(), urgent_one()
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


def together(*sequences: Sequence, slots: int) -> Scheduler:
    """A scheduler that gives slots together where nobody is in a hurry."""
    pool = SlotPool(num_slots=slots, cache_tokens=64, can_share=True)
    made = Scheduler(pool, max_running=slots, batch_tokens=16, gathers=True)
    for each in sequences:
        made.add(each)
    return made


def test_slots_are_given_together_where_nobody_is_in_a_hurry() -> None:
    first, second, third, waiting = low(), low(), low(), [low() for _ in range(3)]
    of = together(first, second, third, *waiting, slots=3)
    assert running(of) == [first, second, third]
    of.remove(first)
    assert running(of) == [second, third]
    of.remove(second)
    assert running(of) == [third]  # another one became free
    assert running(of) == [third, *waiting[:2]]


def test_free_slots_wait_for_no_others_while_nobody_runs() -> None:
    first, second = low(), low()
    of = together(first, second, slots=1)
    running(of)
    of.remove(first)
    assert running(of) == [second]


@pytest.mark.parametrize("runs", [True, False])
def test_free_slots_are_given_at_once_where_somebody_is_in_a_hurry(runs: bool) -> None:
    first, second, waits = low(), urgent_one() if runs else low(), low() if runs else urgent_one()
    of = together(first, second, waits, slots=2)
    of.plan(0, now=NOW)
    of.remove(first)
    assert set(running(of)) == {second, waits}


def test_free_slots_are_given_at_once_where_empty_ones_cost_most() -> None:
    first, second, waits = low(), low(), low()
    of = scheduler(first, second, waits, slots=2)
    running(of)
    of.remove(first)
    assert running(of) == [second, waits]


def test_one_that_is_spared_gives_way_later() -> None:
    spared, urgent = low(spared_seconds=30), urgent_one()
    of = scheduler(spared, slots=1)
    running(of)
    of.add(urgent)
    of.plan(0, now=NOW + 29)
    assert of.running == [spared]
    of.plan(0, now=NOW + 30)
    assert of.running == [urgent]
    assert list(of.waiting) == [spared]


def test_one_that_is_spared_goes_before_those_that_come_after_it() -> None:
    spared, first, second = low(spared_seconds=30), urgent_one(), urgent_one()
    of = scheduler(first, slots=1)
    running(of)
    of.add(spared)
    of.add(second)
    of.remove(first)
    assert running(of) == [spared]


def test_a_job_is_spared_from_its_first_slot_on_with_all_its_sequences() -> None:
    spared, urgent = [low(spared_seconds=30) for _ in range(2)], urgent_one()
    of = scheduler(*spared, slots=1)
    running(of)
    of.add(urgent)
    of.remove(spared[0])
    of.plan(0, now=NOW + 29)
    assert of.running == [spared[1]]
    of.plan(0, now=NOW + 30)
    assert of.running == [urgent]
    assert list(of.waiting) == [spared[1]]


def test_nobody_gives_way_in_vain() -> None:
    lows, big = [low(8) for _ in range(2)], urgent_one(30, job="big")
    of = scheduler(big, *lows, slots=4, cache=50, batch=64)
    run(of.plan(100, now=NOW))
    of.add(urgent_one(30))
    assert running(of) == [big, *lows]
    assert of.take_outranked() == []


def test_nobody_gives_way_to_one_whose_prefix_is_being_computed() -> None:
    long, same, victim = alike(40), alike(40, end=1), low()
    of = scheduler(long, victim, slots=2, cache=200)
    of.plan(20, now=NOW)
    of.add(same)
    for _ in range(3):
        of.plan(0, now=NOW)
    assert victim in of.running
    assert of.take_outranked() == []


def test_one_that_is_overtaken_for_long_goes_back_to_the_line() -> None:
    overtaken = low()
    overtaken.submitted_at = NOW
    of = scheduler(urgent_one(), slots=1)
    running(of)
    of.add(overtaken)
    of.plan(0, now=NOW + PATIENCE_SECONDS - 1)
    assert of.take_outranked() == []
    of.plan(0, now=NOW + PATIENCE_SECONDS)
    assert of.take_outranked() == [overtaken]
    of.plan(0, now=NOW + PATIENCE_SECONDS + 1)
    assert of.take_outranked() == []


def test_one_that_waits_behind_its_like_stays() -> None:
    waiting = low()
    of = scheduler(low(job="other"), slots=1)
    running(of)
    of.add(waiting)
    of.plan(0, now=NOW + 1000)
    assert of.take_outranked() == []


def test_an_urgent_sequence_takes_cells_as_well_as_slots() -> None:
    lows, urgent = [low(20), low(20)], urgent_one(40)
    of = scheduler(*lows, slots=4, cache=64)
    run(of.plan(100, now=NOW))
    of.add(urgent)
    assert running(of) == [lows[0], urgent]


def test_when_the_cache_is_full_the_least_urgent_is_set_back_first() -> None:
    older, *others = low(6), urgent_one(6), urgent_one(6)
    of = scheduler(older, cache=22, batch=32)
    running(of)
    for each in others:
        of.add(each)
    for _ in range(4):
        step(of)
    assert of.running == others
    assert of.num_set_back == 1
    assert of.take_outranked() == []


def test_who_has_given_way_goes_on_first_of_its_rank() -> None:
    first, later, urgent = low(), low(), urgent_one()
    of = scheduler(first, slots=1)
    run(of.plan(100, now=NOW))
    of.add(later)
    of.add(urgent)
    assert running(of) == [urgent]
    of.remove(urgent)
    assert [each for each, _ in chunks(of.plan(100, now=NOW))] == [first]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["urgent", "low", "spared"]), st.integers(1, 12), st.integers(0, 20), st.integers(1, 9)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_text_is_the_same_whoever_gave_way(jobs: list[tuple[str, int, int, int]]) -> None:
    """Sequences of all kinds that come at any step, to an engine with few slots and cells."""
    sequences = [made(number, kind, length, most) for number, (kind, length, _, most) in enumerate(jobs)]
    undisturbed = [alone(each).text for each in sequences]
    outranked: list[Hashable] = []
    engine = Engine(FakeBackend(num_slots=2, context=CONTEXT, cache_tokens=CONTEXT), on_outranked=outranked.append)
    for at in range(21):
        engine.submit(each for each, (_, _, comes, _) in zip(sequences, jobs, strict=True) if comes == at)
        engine.step()
    drain(engine)
    assert [each.text for each in sequences] == undisturbed
    assert set(outranked) <= {number for number, (kind, *_) in enumerate(jobs) if kind != "urgent"}


def made(number: int, kind: str, length: int, most: int) -> Sequence:
    params = SamplingParams(temperature=0, max_tokens=most)
    new = sequence([ord("a") + number, *range(length)], job=number, params=params)
    new.yields, new.spared_seconds = kind != "urgent", 0.0005 if kind == "spared" else 0.0
    return new
