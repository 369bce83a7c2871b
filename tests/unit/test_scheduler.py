"""What goes into a batch, who has a slot, and who gives it up."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tasks.engine.scheduler import Plan, Scheduler
from tasks.engine.sequence import Sequence
from tests.unit.decoding import MOST_STEPS, sequence


def scheduler(*sequences: Sequence, slots: int = 4, cache: int = 64, batch: int = 16) -> Scheduler:
    made = Scheduler(num_slots=slots, cache_tokens=cache, batch_tokens=batch)
    for each in sequences:
        made.add(each)
    return made


def prompt(length: int, job: str = "job") -> Sequence:
    return sequence(list(range(length)), job=job)


def run(plan: Plan) -> None:
    """What the engine does with a plan, with 'x' for every token."""
    for each, count in plan.chunks:
        each.num_computed += count
    for each, _ in plan.sampled:
        each.extend(ord("x"), b"x", ends=False)


def step(of: Scheduler) -> Plan:
    plan = of.plan()
    run(plan)
    return plan


def test_without_sequences_the_plan_is_empty() -> None:
    idle = scheduler()
    assert not idle.busy
    assert idle.plan() == Plan([], [], [])


def test_a_prompt_is_run_in_order_from_its_first_position() -> None:
    s = prompt(3)
    plan = scheduler(s).plan()
    assert [(row.token, row.position, row.slot) for row in plan.rows] == [(0, 0, 0), (1, 1, 0), (2, 2, 0)]
    assert plan.chunks == [(s, 3)]


def test_logits_are_wanted_for_the_last_token_alone() -> None:
    a, b = prompt(3), prompt(2)
    plan = scheduler(a, b).plan()
    assert [row.wants_logits for row in plan.rows] == [False, False, True, False, True]
    assert plan.sampled == [(a, 2), (b, 4)]


def test_no_logits_are_wanted_for_a_part_of_a_prompt() -> None:
    plan = scheduler(prompt(20), batch=16).plan()
    assert not any(row.wants_logits for row in plan.rows)
    assert plan.sampled == []


def test_a_long_prompt_is_cut_to_the_batch() -> None:
    s = prompt(40)
    cut = scheduler(s, batch=16)
    plans = [step(cut) for _ in range(3)]
    assert [plan.chunks for plan in plans] == [[(s, 16)], [(s, 16)], [(s, 8)]]
    assert [row.position for plan in plans for row in plan.rows] == list(range(40))
    assert plans[-1].sampled == [(s, 7)]


def test_decoding_sequences_come_before_prompts() -> None:
    old, long, young = prompt(2), prompt(30), prompt(2)
    mixed = scheduler(old, batch=16)
    step(mixed)
    mixed.add(long)
    mixed.add(young)
    assert step(mixed).chunks == [(old, 1), (long, 15)]
    assert step(mixed).chunks == [(old, 1), (long, 15)]
    assert step(mixed).chunks == [(old, 1), (long, 1), (young, 2)]


def test_a_prompt_of_one_token_does_not_wait_behind_a_long_one() -> None:
    long, short = prompt(30), prompt(1)
    assert scheduler(long, short, batch=16).plan().chunks == [(short, 1), (long, 15)]


def test_a_decoding_sequence_runs_its_last_token_at_the_next_position() -> None:
    s = prompt(2)
    one = scheduler(s)
    step(one)
    (row,) = one.plan().rows
    assert (row.token, row.position, row.wants_logits) == (ord("x"), 2, True)


def test_sequences_begin_in_the_order_they_came() -> None:
    a, b, c = prompt(2), prompt(2), prompt(2)
    two = scheduler(a, b, c, slots=2)
    step(two)
    assert two.running == [a, b]
    assert list(two.waiting) == [c]
    assert two.busy


def test_each_running_sequence_has_a_slot_of_its_own() -> None:
    sequences = [prompt(2) for _ in range(4)]
    step(scheduler(*sequences, slots=4))
    assert sorted(s.slot for s in sequences if s.slot is not None) == [0, 1, 2, 3]


def test_a_slot_given_up_is_reported_once_and_used_again() -> None:
    a, b = prompt(2), prompt(2)
    single = scheduler(a, b, slots=1)
    step(single)
    assert single.take_vacated() == []
    single.remove(a)
    step(single)
    assert single.take_vacated() == [0]
    assert single.take_vacated() == []
    assert b.slot == 0


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
    assert list(full.waiting) == [young, next_one]
    assert full.take_vacated() == [2]
    assert (young.slot, young.num_computed, young.num_generated) == (None, 0, 2)


def test_a_sequence_set_back_runs_all_its_tokens_again() -> None:
    old, young = prompt(5), prompt(5)
    full = scheduler(old, young, cache=12)
    while young.slot is not None or not young.num_generated:
        step(full)
    generated = young.num_generated
    full.remove(old)
    plan = step(full)
    assert plan.chunks == [(young, 5 + generated)]
    assert young.num_generated == generated + 1


lengths = st.lists(st.integers(1, 20), min_size=1, max_size=6)


@given(of=lengths, cache=st.integers(24, 60), batch=st.integers(1, 16), slots=st.integers(1, 4))
@example(of=[10, 13], cache=24, batch=6, slots=2)
def test_no_plan_runs_more_than_batch_and_cache_have_room_for(
    of: list[int], cache: int, batch: int, slots: int
) -> None:
    sequences = [prompt(length) for length in of]
    tight = scheduler(*sequences, slots=slots, cache=cache, batch=batch)
    for _ in range(MOST_STEPS):
        plan = step(tight)
        assert 0 < len(plan.rows) <= batch
        assert tight.cells_used <= cache
        for s in sequences:
            if len(s.tokens) >= 24:
                tight.remove(s)
        if not tight.busy:
            return
    raise AssertionError("the sequences never finish")


def test_a_single_sequence_is_never_set_back() -> None:
    s = prompt(10)
    exact = scheduler(s, cache=20)
    for _ in range(11):
        step(exact)
    assert (exact.cells_used, exact.running) == (20, [s])


def test_a_waiting_sequence_can_be_removed() -> None:
    a, b, c = prompt(2), prompt(2), prompt(2)
    single = scheduler(a, b, c, slots=1)
    step(single)
    single.remove(b)
    assert list(single.waiting) == [c]
    assert single.take_vacated() == []


def test_a_running_sequence_can_be_removed() -> None:
    a, b = prompt(2), prompt(2)
    both = scheduler(a, b)
    step(both)
    both.remove(a)
    assert both.running == [b]
    assert both.take_vacated() == [0]
    assert both.cells_used == 2


def test_removing_a_sequence_twice_gives_its_slot_up_once() -> None:
    s = prompt(2)
    one = scheduler(s)
    step(one)
    one.remove(s)
    one.remove(s)
    assert one.take_vacated() == [0]


def test_the_sequences_of_a_job_are_found_wherever_they_are() -> None:
    mine, other, waiting = prompt(2, "mine"), prompt(2, "other"), prompt(2, "mine")
    two = scheduler(mine, other, waiting, slots=2)
    step(two)
    assert two.of_job("mine") == [mine, waiting]
    assert two.of_job("nobody") == []
