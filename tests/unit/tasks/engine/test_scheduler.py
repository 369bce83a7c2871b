"""What goes into a batch, who has a slot, and who gives it up."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.engine.plan import Plan
from tasks.engine.scheduler import Scheduler
from tasks.engine.sequence import Sequence
from tasks.engine.slots import Copy, Forget, SlotPool
from tests.support.decoding import MOST_STEPS, sequence

ALL = 1000
"""Prompt tokens without a limit."""

_numbers = count(1000)


def scheduler(
    *sequences: Sequence, slots: int = 4, kept: int = 4, cache: int = 64, batch: int = 16, can_share: bool = True
) -> Scheduler:
    """Room for `slots` sequences that run, and `kept` slots besides."""
    pool = SlotPool(num_slots=slots + kept, cache_tokens=cache, can_share=can_share)
    made = Scheduler(pool, max_running=slots, batch_tokens=batch)
    for each in sequences:
        made.add(each)
    return made


def prompt(length: int, job: str = "job") -> Sequence:
    """A prompt that begins like no other."""
    return sequence([next(_numbers), *range(1, length)], job=job, context=200)


def alike(length: int, *, end: int = 0) -> Sequence:
    """A prompt that begins like all of these, and ends as it is told."""
    return sequence([*range(1, length), 500 + end], context=200)


def run(plan: Plan) -> None:
    """What the engine does with a plan, with 'x' for every token."""
    for chunk in plan.chunks:
        chunk.sequence.num_computed += chunk.count
        if chunk.row is not None:
            chunk.sequence.extend(ord("x"), b"x", ends=False)


def step(of: Scheduler, prompt_tokens: int = ALL) -> Plan:
    plan = of.plan(prompt_tokens)
    run(plan)
    return plan


def chunks(plan: Plan) -> list[tuple[Sequence, int]]:
    return [(chunk.sequence, chunk.count) for chunk in plan.chunks]


def sampled(plan: Plan) -> list[tuple[Sequence, int]]:
    return [(chunk.sequence, chunk.row) for chunk in plan.chunks if chunk.row is not None]


def slot_of(s: Sequence) -> int:
    assert s.slot is not None
    return s.slot.id


# -- what is run


def test_without_sequences_the_plan_is_empty() -> None:
    idle = scheduler()
    assert not idle.busy
    assert idle.plan(ALL) == Plan([], [])


def test_a_prompt_is_run_in_order_from_its_first_position() -> None:
    s = prompt(3)
    plan = scheduler(s).plan(ALL)
    assert [(row.token, row.position, row.slot) for row in plan.rows] == [(s.tokens[0], 0, 0), (1, 1, 0), (2, 2, 0)]
    assert chunks(plan) == [(s, 3)]


def test_logits_are_wanted_for_the_last_token_alone() -> None:
    a, b = prompt(3), prompt(2)
    plan = scheduler(a, b).plan(ALL)
    assert [row.wants_logits for row in plan.rows] == [False, False, True, False, True]
    assert sampled(plan) == [(a, 2), (b, 4)]


def test_no_logits_are_wanted_for_a_part_of_a_prompt() -> None:
    plan = scheduler(prompt(20), batch=16).plan(ALL)
    assert not any(row.wants_logits for row in plan.rows)
    assert sampled(plan) == []


def test_a_long_prompt_is_cut_to_the_batch() -> None:
    s = prompt(40)
    cut = scheduler(s, batch=16)
    plans = [step(cut) for _ in range(3)]
    assert [chunks(plan) for plan in plans] == [[(s, 16)], [(s, 16)], [(s, 8)]]
    assert [row.position for plan in plans for row in plan.rows] == list(range(40))
    assert sampled(plans[-1]) == [(s, 7)]


def test_decoding_sequences_come_before_prompts() -> None:
    old, long, young = prompt(2), prompt(30), prompt(2)
    mixed = scheduler(old, batch=16)
    step(mixed)
    mixed.add(long)
    mixed.add(young)
    assert chunks(step(mixed)) == [(old, 1), (long, 15)]
    assert chunks(step(mixed)) == [(old, 1), (long, 15)]
    assert chunks(step(mixed)) == [(old, 1), (long, 1), (young, 2)]


def test_prompts_share_what_they_may_have_in_the_order_they_came() -> None:
    old, long, young = prompt(2), prompt(20), prompt(4)
    mixed = scheduler(old, batch=64)
    step(mixed)
    mixed.add(long)
    mixed.add(young)
    assert chunks(step(mixed, 16)) == [(old, 1), (long, 16)]
    assert chunks(step(mixed, 6)) == [(old, 1), (long, 4), (young, 2)]
    assert chunks(step(mixed, 6)) == [(old, 1), (long, 1), (young, 2)]


def test_sequences_that_decode_need_none_of_what_prompts_may_have() -> None:
    old = prompt(2)
    mixed = scheduler(old)
    step(mixed)
    assert chunks(step(mixed, 0)) == [(old, 1)]


def test_a_plan_counts_what_decodes_and_what_is_of_prompts() -> None:
    old = prompt(2)
    mixed = scheduler(old)
    plan = step(mixed)
    assert (plan.num_decoding, plan.num_prompt_tokens, mixed.num_decoding) == (0, 2, 1)
    mixed.add(prompt(5))
    plan = step(mixed)
    assert (plan.num_decoding, plan.num_prompt_tokens, mixed.num_decoding) == (1, 5, 2)


def test_a_prompt_of_one_token_is_no_sequence_that_decodes() -> None:
    assert scheduler(prompt(1)).plan(ALL).num_decoding == 0


def test_of_sequences_that_wait_those_start_that_could_have_a_slot() -> None:
    two = scheduler(prompt(2), prompt(20), prompt(2), slots=2, batch=16)
    assert two.num_starting == 2
    step(two)
    assert (two.num_decoding, two.num_starting) == (1, 1), "one prefills, and one waits for a slot"
    step(two)
    assert (two.num_decoding, two.num_starting) == (2, 0)


def test_sequences_without_a_token_start_whether_they_have_a_slot_or_not() -> None:
    four = scheduler(prompt(2), slots=4)
    step(four)
    four.add(prompt(40))
    step(four)
    four.add(prompt(2))
    assert (len(four.running), four.num_decoding, four.num_starting) == (2, 1, 2)


def test_a_sequence_set_back_starts_again() -> None:
    two = scheduler(prompt(2), prompt(2))
    step(two)
    assert two.num_starting == 0
    two.set_back_youngest()
    assert two.num_starting == 1


def test_a_decoding_sequence_runs_its_last_token_at_the_next_position() -> None:
    s = prompt(2)
    one = scheduler(s)
    step(one)
    (row,) = one.plan(ALL).rows
    assert (row.token, row.position, row.wants_logits) == (ord("x"), 2, True)


# -- who has a slot


def test_sequences_begin_in_the_order_they_came() -> None:
    a, b, c = prompt(2), prompt(2), prompt(2)
    two = scheduler(a, b, c, slots=2)
    step(two)
    assert two.running == [a, b]
    assert list(two.waiting) == [c]
    assert two.busy


def test_no_more_run_than_may_though_there_are_more_slots() -> None:
    two = scheduler(*(prompt(2) for _ in range(5)), slots=2, kept=6)
    step(two)
    assert len(two.running) == 2


def test_no_more_run_than_there_are_slots() -> None:
    sequences = [prompt(2) for _ in range(3)]
    few = Scheduler(SlotPool(num_slots=2, cache_tokens=64, can_share=True), max_running=4, batch_tokens=16)
    for s in sequences:
        few.add(s)
    step(few)
    assert few.running == sequences[:2]


def test_without_admission_the_waiting_go_on_waiting() -> None:
    a, b = prompt(2), prompt(2)
    two = scheduler(a)
    step(two)
    two.add(b)
    run(two.plan(ALL, admit=False))
    assert (two.running, list(two.waiting)) == ([a], [b])


def test_each_running_sequence_has_a_slot_of_its_own() -> None:
    sequences = [prompt(2) for _ in range(4)]
    step(scheduler(*sequences, slots=4))
    assert sorted(map(slot_of, sequences)) == [0, 1, 2, 3]


def test_a_slot_given_up_is_used_again_and_forgotten_before() -> None:
    a, b = prompt(2), prompt(2)
    single = scheduler(a, b, slots=1, kept=0)
    step(single)
    single.remove(a)
    assert single.take_changes() == []
    step(single)
    assert single.take_changes() == [Forget(0)]
    assert single.take_changes() == []
    assert slot_of(b) == 0


def test_what_a_sequence_computed_stays_while_there_are_other_slots() -> None:
    a, b = prompt(2), prompt(2)
    one = scheduler(a, b, slots=1, kept=1)
    step(one)
    one.remove(a)
    step(one)
    assert one.take_changes() == []
    assert one.cells_used == 4


def test_a_prompt_that_does_not_fit_waits_and_none_overtakes_it() -> None:
    running, large, small = prompt(30), prompt(40), prompt(2)
    full = scheduler(running, large, small, cache=64)
    step(full)
    assert full.running == [running]
    assert list(full.waiting) == [large, small]
    full.remove(running)
    step(full)
    assert full.running == [large, small]


def test_an_admitted_prompt_leaves_room_for_its_first_token() -> None:
    exact = scheduler(prompt(8), prompt(8), cache=16)
    step(exact)
    assert len(exact.running) == 1


def test_a_kept_prefix_does_not_keep_a_prompt_from_running() -> None:
    ended, old, young = prompt(12), prompt(2), prompt(9)
    full = scheduler(ended, cache=16)
    step(full)
    full.remove(ended)
    full.add(old)
    full.add(young)
    step(full)
    assert full.running == [old, young]
    assert full.take_changes() == [Forget(0)]


def test_a_waiting_sequence_can_be_removed() -> None:
    a, b, c = prompt(2), prompt(2), prompt(2)
    single = scheduler(a, b, c, slots=1)
    step(single)
    single.remove(b)
    assert list(single.waiting) == [c]
    assert single.take_changes() == []


@pytest.mark.parametrize(("can_share", "changes", "cells"), [(True, [], 4), (False, [Forget(0)], 2)])
def test_a_running_sequence_can_be_removed(can_share: bool, changes: list[Forget], cells: int) -> None:
    a, b = prompt(2), prompt(2)
    both = scheduler(a, b, can_share=can_share)
    step(both)
    both.remove(a)
    assert both.running == [b]
    assert (both.take_changes(), both.cells_used) == (changes, cells)


def test_removing_a_sequence_twice_gives_its_slot_up_once() -> None:
    a, b = prompt(2), prompt(2)
    one = scheduler(a, b, slots=1, kept=0)
    step(one)
    one.remove(a)
    step(one)
    one.remove(a)
    assert (one.running, one.take_changes()) == ([b], [Forget(0)])


def test_the_sequences_of_a_job_are_found_wherever_they_are() -> None:
    mine, other, waiting = prompt(2, "mine"), prompt(2, "other"), prompt(2, "mine")
    two = scheduler(mine, other, waiting, slots=2)
    step(two)
    assert two.of_job("mine") == [mine, waiting]
    assert two.of_job("nobody") == []


# -- shared prefixes


def test_a_prompt_that_begins_like_a_kept_one_runs_only_the_rest() -> None:
    ended, s = alike(30), alike(30, end=1)
    one = scheduler(ended, batch=64)
    step(one)
    one.remove(ended)
    one.add(s)
    plan = one.plan(ALL)
    assert [(row.token, row.position, row.wants_logits) for row in plan.rows] == [(501, 29, True)]
    assert one.take_changes() == [Copy(0, slot_of(s), 29)]
    assert (ended.num_cached, s.num_cached) == (0, 29)


def test_a_prompt_waits_while_what_it_begins_with_is_computed() -> None:
    first, second, third = alike(40), alike(40, end=1), alike(40, end=2)
    one = scheduler(first, second, third, batch=32)
    assert chunks(step(one)) == [(first, 32)]
    assert (one.running, list(one.waiting)) == ([first], [second, third])
    assert chunks(step(one)) == [(first, 8), (second, 8), (third, 8)]
    assert (second.num_cached, third.num_cached) == (32, 32)
    assert one.take_changes() == [Copy(0, slot_of(second), 32), Copy(0, slot_of(third), 32)]


def test_another_prompt_overtakes_those_that_wait_for_their_prefix() -> None:
    first, second, other, last = alike(40), alike(40, end=1), prompt(3), alike(40, end=2)
    one = scheduler(first, second, other, last, batch=16)
    step(one)
    assert one.running == [first, other]
    assert list(one.waiting) == [second, last]


def test_prompts_that_share_too_little_do_not_wait_for_each_other() -> None:
    first, second = alike(16), alike(16, end=1)
    one = scheduler(first, second, batch=64)
    assert chunks(step(one)) == [(first, 16), (second, 16)]


def test_without_sharing_no_prompt_waits_for_another() -> None:
    first, second = alike(30), alike(30, end=1)
    one = scheduler(first, second, batch=64, can_share=False)
    assert chunks(step(one)) == [(first, 30), (second, 30)]
    assert one.take_changes() == []


def test_a_prompt_waits_no_more_when_the_one_that_computed_its_prefix_is_removed() -> None:
    first, second = alike(40), alike(40, end=1)
    one = scheduler(first, second, batch=16)
    step(one)
    one.remove(first)
    assert chunks(step(one)) == [(second, 16)]
    assert second.num_cached == 16


@pytest.mark.parametrize(("late", "runs"), [(alike(40, end=1), True), (prompt(40), False)])
def test_a_prompt_fits_if_what_it_does_not_share_fits(late: Sequence, runs: bool) -> None:
    one = scheduler(alike(40), cache=64, batch=64)
    step(one)
    one.add(late)
    step(one)
    assert (late in one.running) == runs


def test_prompt_tokens_of_a_sequence_that_was_taken_up_count_as_shared_not_its_answer() -> None:
    ended = sequence(list(range(40)), context=200)
    again = sequence(list(range(20)), context=200)
    for token in range(20, 30):
        again.extend(token, b"x", ends=False)
    one = scheduler(ended, batch=64)
    step(one)
    one.remove(ended)
    one.add(again)
    assert chunks(step(one)) == [(again, 1)]
    assert again.num_cached == 20


# -- a full cache


def test_a_full_cache_sets_back_the_youngest_to_the_head_of_the_waiting_ones() -> None:
    old, middle, young, next_one = (prompt(5, job) for job in ("old", "middle", "young", "next"))
    full = scheduler(old, middle, young, cache=18)
    step(full)
    full.add(next_one)
    assert full.cells_used == 15
    step(full)
    assert (full.cells_used, full.running) == (18, [old, middle, young])
    step(full)
    assert full.running == [old, middle]
    assert set(full.waiting) == {young, next_one}
    assert full.take_changes() == [Forget(2)]
    assert (young.slot, young.num_computed, young.num_generated) == (None, 0, 2)
    assert full.num_set_back == 1
    full.remove(old)
    step(full)
    assert full.running == [middle, young]


def test_kept_prefixes_go_before_anybody_is_set_back() -> None:
    ended, old, young = prompt(5), prompt(5), prompt(5)
    full = scheduler(ended, old, young, cache=18)
    step(full)
    full.remove(ended)
    for _ in range(4):
        step(full)
    assert (full.running, full.num_set_back) == ([old, young], 0)
    assert full.take_changes() == [Forget(0)]


def test_a_sequence_set_back_runs_all_its_tokens_again() -> None:
    old, young = prompt(5), prompt(5)
    full = scheduler(old, young, cache=12)
    while young.slot is not None or not young.num_generated:
        step(full)
    generated = young.num_generated
    full.remove(old)
    plan = step(full)
    assert chunks(plan) == [(young, 5 + generated)]
    assert young.num_generated == generated + 1


def test_a_sequence_set_back_tells_what_it_shared_at_its_first_start() -> None:
    s = prompt(20)
    one = scheduler(s, batch=64)
    step(one)
    one.set_back_youngest()
    assert chunks(step(one)) == [(s, 1)], "what it had computed was kept"
    assert s.num_cached == 0


def test_a_single_sequence_is_never_set_back() -> None:
    s = prompt(10)
    exact = scheduler(s, cache=20)
    for _ in range(11):
        step(exact)
    assert (exact.cells_used, exact.running) == (20, [s])


def test_a_refused_plan_gives_its_cells_back_and_forgets_what_is_kept() -> None:
    ended, s = prompt(20), prompt(5)
    one = scheduler(ended, batch=64)
    step(one)
    one.remove(ended)
    one.add(s)
    refused = one.plan(ALL)
    assert one.cells_used == 25
    assert one.refuse(refused)
    assert (one.cells_used, one.num_set_back) == (0, 0)
    assert chunks(one.plan(ALL, admit=False)) == chunks(refused)
    assert one.take_changes() == [Forget(0)]


def test_a_plan_refused_with_nothing_kept_sets_back_the_youngest() -> None:
    old, young = prompt(5), prompt(5)
    one = scheduler(old, young)
    step(one)
    assert one.refuse(one.plan(ALL))
    assert (one.running, list(one.waiting), one.cells_used) == ([old], [young], 5)
    assert chunks(one.plan(ALL, admit=False)) == [(old, 1)]


def test_a_plan_of_one_sequence_that_is_refused_with_nothing_kept_is_hopeless() -> None:
    one = scheduler(prompt(5))
    assert not one.refuse(one.plan(ALL))


lengths = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=6)


@given(
    of=lengths,
    cache=st.integers(24, 60),
    batch=st.integers(1, 16),
    slots=st.integers(1, 4),
    kept=st.integers(0, 4),
    limits=st.lists(st.integers(1, 16), min_size=1, max_size=4),
    can_share=st.booleans(),
)
@example(of=[(10, False), (13, False)], cache=24, batch=6, slots=2, kept=0, limits=[16], can_share=True)
def test_no_plan_runs_more_than_batch_and_cache_have_room_for(
    of: list[tuple[int, bool]],
    cache: int,
    batch: int,
    slots: int,
    kept: int,
    limits: list[int],
    can_share: bool,
) -> None:
    sequences = [alike(length) if shares else prompt(length) for length, shares in of]
    tight = scheduler(*sequences, slots=slots, kept=kept, cache=cache, batch=batch, can_share=can_share)
    for number in range(MOST_STEPS):
        limit = limits[number % len(limits)]
        plan = step(tight, limit)
        assert 0 < len(plan.rows) <= batch
        assert plan.num_prompt_tokens <= limit
        assert tight.cells_used <= cache
        for s in sequences:
            if len(s.tokens) >= 24:
                tight.remove(s)
        if not tight.busy:
            return
    raise AssertionError("the sequences never finish")
