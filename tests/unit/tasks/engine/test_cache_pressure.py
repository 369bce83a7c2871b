"""When the cache is fuller than the arithmetic says: what gives way, and that no text changes."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.backend import CacheFull, Row
from tasks.engine.engine import Engine
from tasks.engine.scheduler import Scheduler
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support.decoding import alone, drain, sequence
from tests.unit.tasks.engine.test_engine import Arrival, CountingBackend, _Tight, arrivals, backends, run
from tests.unit.tasks.engine.test_scheduler import ALL, alike, prompt, scheduler, step


@pytest.mark.parametrize("can_share", [True, False])
def test_a_refused_plan_sets_back_a_sequence_that_holds_nothing_yet(can_share: bool) -> None:
    one = scheduler(prompt(5), prompt(5), can_share=can_share)
    assert one.refuse(one.plan(ALL))
    assert len(one.running) == 1


def test_without_sharing_a_refused_plan_sets_back_the_youngest() -> None:
    one = scheduler(prompt(5), prompt(5), can_share=False)
    step(one)
    assert one.refuse(one.plan(ALL))


def test_a_cache_that_is_full_too_early_delays_the_youngest_but_ends_all() -> None:
    engine = Engine(_Tight(num_slots=4, context=48, cache_tokens=48))
    short = SamplingParams(temperature=0, max_tokens=4)
    sequences = [sequence(prompt, job=prompt, params=short) for prompt in (b"hello world", b"hello worlds", b"hi")]
    engine.submit(sequences)
    drain(engine)
    assert [s.finish_reason for s in sequences] == ["length"] * 3
    assert [s.text for s in sequences] == [alone(s).text for s in sequences]
    assert engine.figures.set_back > 0


@settings(max_examples=100)
@given(on=backends(), jobs=arrivals(), every=st.integers(2, 6))
def test_a_cache_that_refuses_now_and_then_changes_no_text(
    on: CountingBackend, jobs: list[Arrival], every: int
) -> None:
    """As a fragmented cache does: a batch of more than one sequence is refused though there are cells."""
    decode, batches = on.decode, 0

    def moody(rows: SequenceOf[Row]) -> None:
        nonlocal batches
        batches += 1
        if batches % every == 0 and len({row.slot for row in rows}) > 1:
            raise CacheFull
        decode(rows)

    on.decode = moody  # type: ignore[method-assign]
    run(on, jobs)
    for job in jobs:
        for s in job.sequences:
            if s.finish_reason or job.aborted is None:
                assert s.text == alone(s).text


def nearly_full() -> tuple[Scheduler, Sequence, Sequence]:
    """A short prompt runs, and one has come that shares a kept prefix and needs 58 + 1 of the 60 cells."""
    ended, old, late = alike(31), prompt(5), alike(58, end=1)
    full = scheduler(ended, cache=60, batch=64)
    step(full)
    full.remove(ended)
    full.add(old)
    step(full)
    full.add(late)
    step(full)
    return full, old, late


def test_a_prompt_that_takes_over_a_kept_prefix_waits_until_the_rest_fits() -> None:
    full, _, late = nearly_full()
    assert full.num_set_back == 0
    step(full)
    assert full.num_set_back == 0
    assert late not in full.running  # 58 + 1 and 7 cells of 60


def test_a_sequence_set_back_before_it_ran_tells_what_it_shared_when_it_did() -> None:
    full, old, late = nearly_full()
    step(full)
    assert late.slot is None
    full.remove(old)
    plan = step(full)
    assert late.num_cached == late.num_prompt_tokens - plan.num_prompt_tokens
