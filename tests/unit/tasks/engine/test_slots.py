"""Who decodes where, what is shared, and what is forgotten first; checked against a memory that is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tasks.engine.prefixes import LEAST_SHARED_TOKENS, common_prefix
from tasks.engine.slots import Change, Copy, Forget, Slot, SlotPool

LONG = list(range(40))


def pool(*, slots: int = 4, cache: int = 200, can_share: bool = True) -> SlotPool:
    return SlotPool(num_slots=slots, cache_tokens=cache, can_share=can_share)


def compute(of: SlotPool, tokens: list[int]) -> Slot:
    """A busy slot that holds all these tokens."""
    slot = of.acquire(tokens)
    of.grow(slot, tokens[len(slot.tokens) :])
    return slot


def keep(of: SlotPool, tokens: list[int]) -> Slot:
    """A slot whose sequence has ended after these tokens; what was changed for it is done."""
    slot = compute(of, tokens)
    of.release(slot)
    of.take_changes()
    return slot


# -- without anything to share


def test_a_first_sequence_gets_an_empty_slot() -> None:
    fresh = pool()
    slot = fresh.acquire(LONG)
    assert (slot.busy, slot.tokens, slot.cells) == (True, [], [])
    assert fresh.take_changes() == []


def test_busy_slots_are_not_given_twice() -> None:
    fresh = pool(slots=3)
    assert len({fresh.acquire([number]).id for number in range(3)}) == 3
    assert not fresh.has_vacant


def test_a_released_slot_is_vacant() -> None:
    single = pool(slots=1)
    single.release(single.acquire(LONG))
    assert single.has_vacant


def test_tokens_that_are_computed_use_cells() -> None:
    some = pool(cache=50)
    slot = compute(some, LONG)
    assert (slot.tokens, some.cells_used, some.cells_free) == (LONG, 40, 10)


def test_a_refused_batch_gives_its_cells_back() -> None:
    some = pool()
    slot = compute(some, LONG)
    some.grow(slot, [1, 2, 3])
    some.shrink(slot, 3)
    assert (slot.tokens, len(slot.cells), some.cells_used) == (LONG, 40, 40)
    assert some.take_changes() == [], "the memory never had them"


def test_a_slot_can_shrink_to_nothing() -> None:
    some = pool()
    slot = compute(some, LONG)
    some.shrink(slot, 40)
    assert (slot.tokens, slot.cells, some.cells_used) == ([], [], 0)


def test_empty_slots_are_taken_before_kept_ones() -> None:
    some = pool(slots=3)
    kept = keep(some, LONG)
    assert {some.acquire([1]).id, some.acquire([2]).id}.isdisjoint({kept.id})
    assert some.take_changes() == []
    assert some.acquire([3]) is kept
    assert some.take_changes() == [Forget(kept.id)]


def test_an_empty_slot_is_taken_though_it_was_used_later_than_a_kept_one() -> None:
    some = pool(slots=2)
    kept, aborted = keep(some, LONG), some.acquire([1])
    some.release(aborted)
    assert some.acquire([2]) is aborted
    assert kept.tokens == LONG


def test_of_kept_slots_the_least_recently_used_is_taken() -> None:
    some = pool(slots=2)
    first, second = keep(some, [1] * 20), keep(some, [2] * 20)
    some.release(some.acquire([1] * 30))
    assert some.acquire([3]) is second
    assert first.tokens == [1] * 20


# -- shared prefixes


def test_a_prompt_that_begins_with_all_that_an_idle_slot_holds_takes_it_over() -> None:
    some = pool()
    kept = keep(some, LONG)
    slot = some.acquire([*LONG, 99])
    assert slot is kept
    assert (slot.tokens, some.cells_used) == (LONG, 40)
    assert some.take_changes() == []


def test_a_prompt_that_leaves_an_idle_slot_before_its_end_gets_a_copy() -> None:
    some = pool()
    kept = keep(some, LONG)
    slot = some.acquire([*LONG[:20], 99, 98])
    assert slot is not kept
    assert (slot.tokens, slot.cells, some.cells_used) == (LONG[:20], kept.cells[:20], 40)
    assert some.take_changes() == [Copy(kept.id, slot.id, 20)]
    assert kept.tokens == LONG


def test_a_prompt_shares_with_a_busy_slot() -> None:
    some = pool()
    busy = compute(some, LONG)
    slot = some.acquire([*LONG, 99])
    assert (slot.tokens, slot.cells, some.cells_used) == (LONG, busy.cells, 40)
    assert some.take_changes() == [Copy(busy.id, slot.id, 40)]


def test_a_copy_grows_apart() -> None:
    some = pool()
    busy = compute(some, LONG)
    slot = compute(some, [*LONG, 99])
    some.grow(busy, [50])
    assert (busy.tokens, slot.tokens, some.cells_used) == ([*LONG, 50], [*LONG, 99], 42)


def test_shared_cells_stay_until_the_last_slot_forgets_them() -> None:
    some = pool(slots=2)
    busy = compute(some, LONG)
    keep(some, [*LONG, 99])
    assert some.cells_obtainable == 160
    some.forget_kept()
    assert (some.cells_used, some.cells_obtainable) == (40, 160)
    some.release(busy)
    assert some.cells_obtainable == 200
    some.forget_kept()
    assert some.cells_used == 0


def test_without_another_vacant_slot_the_kept_prefix_itself_is_cut() -> None:
    single = pool(slots=1)
    kept = keep(single, LONG)
    slot = single.acquire([*LONG[:20], 99])
    assert slot is kept
    assert (slot.tokens, single.cells_used) == (LONG[:20], 20)
    assert single.take_changes() == [Forget(kept.id, 20)]


def test_a_slot_that_gets_a_copy_forgets_first_what_it_held() -> None:
    some = pool(slots=2)
    other, kept = keep(some, [1] * 30), keep(some, LONG)
    assert some.acquire([*LONG[:20], 99]) is other
    assert some.take_changes() == [Forget(other.id), Copy(kept.id, other.id, 20)]


def test_the_last_token_is_always_left_to_compute() -> None:
    some = pool()
    kept = keep(some, LONG)
    assert some.longest_shared(LONG) == 39
    assert some.acquire(LONG).tokens == LONG[:39]
    assert kept.tokens == LONG


def test_the_longest_prefix_is_shared() -> None:
    some = pool()
    keep(some, LONG[:20])
    keep(some, [*LONG[:30], 7])
    keep(some, [*LONG[:25], 7])
    assert some.longest_shared(LONG) == 30
    assert some.acquire(LONG).tokens == LONG[:30]


def test_of_prefixes_of_one_length_a_busy_one_is_shared() -> None:
    some = pool()
    busy, idle = compute(some, LONG), compute(some, [*LONG, 99])
    some.shrink(idle, 1)
    some.release(idle)
    some.take_changes()
    assert busy.tokens == idle.tokens
    acquired = some.acquire([*LONG, 98])
    assert acquired is not idle
    assert some.take_changes() == [Copy(busy.id, acquired.id, len(LONG))]


def test_of_kept_prefixes_of_one_length_the_last_used_is_taken_over() -> None:
    some = pool()
    slots = [compute(some, LONG) for _ in range(3)]
    for slot in slots:
        some.release(slot)
    some.take_changes()
    assert some.acquire([*LONG, 98]) is slots[-1]
    assert some.take_changes() == []


@pytest.mark.parametrize(("length", "shared"), [(LEAST_SHARED_TOKENS - 1, 0), (LEAST_SHARED_TOKENS, 16)])
def test_a_prefix_is_shared_from_a_least_length_on(length: int, shared: int) -> None:
    some = pool()
    keep(some, [*LONG[:length], 99])
    assert some.longest_shared(LONG) == shared
    assert len(some.acquire(LONG).tokens) == shared


def test_a_short_prefix_that_is_not_shared_is_left_in_place() -> None:
    some = pool()
    kept = keep(some, LONG[:5])
    assert some.acquire(LONG) is not kept
    assert kept.tokens == LONG[:5]


def test_a_prompt_of_the_least_length_alone_shares_nothing() -> None:
    some = pool()
    keep(some, LONG)
    assert some.longest_shared(LONG[:LEAST_SHARED_TOKENS]) == 0
    assert some.longest_shared(LONG[: LEAST_SHARED_TOKENS + 1]) == LEAST_SHARED_TOKENS


@pytest.mark.parametrize("length", [0, 1])
def test_a_prompt_of_hardly_anything_shares_nothing(length: int) -> None:
    some = pool()
    keep(some, LONG)
    assert some.longest_shared(LONG[:length]) == 0


# -- room


def test_room_that_is_there_costs_nothing() -> None:
    some = pool(cache=60)
    kept = keep(some, LONG)
    assert some.make_room(20)
    assert (kept.tokens, some.take_changes()) == (LONG, [])


def test_kept_prefixes_make_room_least_recently_used_first() -> None:
    some = pool(cache=60)
    first, second, third = (keep(some, [number] * 20) for number in (1, 2, 3))
    some.release(some.acquire([1] * 30))
    assert some.make_room(25)
    assert some.take_changes() == [Forget(second.id), Forget(third.id)]
    assert (first.tokens, some.cells_free) == ([1] * 20, 40)


def test_busy_slots_never_make_room() -> None:
    some = pool(cache=60)
    busy = compute(some, LONG)
    keep(some, [1] * 20)
    assert not some.make_room(30)
    assert (busy.tokens, some.cells_free) == (LONG, 20)


def test_a_kept_prefix_that_is_shared_with_a_busy_slot_gives_only_its_own_cells() -> None:
    some = pool(cache=60)
    busy = compute(some, LONG)
    keep(some, [*LONG, *range(100, 110)])
    assert some.cells_obtainable == 20
    assert some.make_room(20)
    assert not some.make_room(21)
    assert busy.tokens == LONG


def test_all_kept_prefixes_can_be_forgotten() -> None:
    some = pool()
    keep(some, [1] * 20)
    busy = compute(some, [2] * 20)
    assert some.forget_kept()
    assert (some.cells_used, busy.tokens) == (20, [2] * 20)
    assert not some.forget_kept()


def test_changes_are_told_once() -> None:
    some = pool()
    keep(some, LONG)
    some.forget_kept()
    assert len(some.take_changes()) == 1
    assert some.take_changes() == []


# -- what is kept beside running sequences


def crowded() -> SlotPool:
    """A busy slot, nothing kept, and an allowance of 90 cells."""
    some = pool(slots=16, cache=1000)
    compute(some, [0] * 20)
    allow(some, 90)
    some.limit_kept()
    return some


def allow(of: SlotPool, cells: int) -> None:
    """Bring the allowance down to so many cells."""
    while of._allowance.cells > cells:
        of._allowance.missed()
    of._allowance.found(-(-cells * 4 // 5))
    assert of._allowance.cells == cells


def end(of: SlotPool, *slots: Slot) -> None:
    """These sequences have ended, and the next step begins."""
    for slot in slots:
        of.release(slot)
    of.limit_kept()


def test_beside_a_busy_slot_the_last_used_prefixes_are_kept_as_far_as_allowed() -> None:
    some = crowded()
    slots = [compute(some, [number] * 40) for number in (1, 2, 3)]
    some.take_changes()
    allow(some, 90)
    end(some, *slots)
    assert some.take_changes() == [Forget(slots[0].id)]
    assert [len(slot.tokens) for slot in slots] == [0, 40, 40]


def test_a_prefix_of_just_as_many_cells_as_allowed_is_kept() -> None:
    some = crowded()
    exact = compute(some, [1] * 90)
    allow(some, 90)
    end(some, exact)
    assert len(exact.tokens) == 90


def test_what_was_used_before_a_prefix_that_is_too_large_is_forgotten_with_it() -> None:
    some = crowded()
    small, large = compute(some, [1] * 20), compute(some, [2] * 91)
    allow(some, 90)
    end(some, small, large)
    assert some.cells_used == 20


def test_cells_that_a_busy_slot_holds_are_not_counted() -> None:
    some = crowded()
    slots = [compute(some, [*LONG, *[number] * 20]) for number in (1, 2, 3)]
    allow(some, 40)
    end(some, *slots[:2])
    assert [len(slot.tokens) for slot in slots] == [60, 60, 60], "20 for each, beside the last"


def test_cells_that_kept_prefixes_share_are_counted_once() -> None:
    some = crowded()
    slots = [compute(some, [*LONG, *[number] * 20]) for number in (1, 2, 3)]
    allow(some, 90)
    end(some, *slots)
    assert [len(slot.tokens) for slot in slots] == [0, 60, 60], "40, and 20 for each"


def test_without_a_busy_slot_all_is_kept() -> None:
    some = pool(cache=1000)
    keep(some, [1] * 200)
    allow(some, 5)
    some.limit_kept()
    assert some.cells_used == 200


def test_what_was_kept_without_a_busy_slot_is_forgotten_when_there_is_one() -> None:
    some = pool(cache=1000)
    kept = keep(some, [1] * 200)
    allow(some, 5)
    some.limit_kept()
    some.acquire([2])
    some.limit_kept()
    assert some.take_changes() == [Forget(kept.id)]


def test_while_no_sequence_begins_or_ends_nothing_is_forgotten() -> None:
    some = crowded()
    end(some, compute(some, [1] * 40))
    allow(some, 5)
    some.limit_kept()
    assert some.cells_used == 60
    some.acquire([2])
    some.limit_kept()
    assert some.cells_used == 20


@pytest.mark.parametrize(("number", "cells"), [(1, 150), (2, 100), (3, 50)])
def test_a_prompt_that_finds_a_kept_prefix_allows_for_it_and_those_used_after_it(number: int, cells: int) -> None:
    some = pool(cache=1000)
    for kept in (1, 2, 3):
        keep(some, [kept] * 40)
    allow(some, 5)
    some.acquire([*[number] * 40, 7])
    assert some._allowance.cells == cells, "a quarter more than 40 for each"


def test_cells_that_are_shared_are_allowed_for_once() -> None:
    some = pool(cache=1000)
    end(some, *[compute(some, [*LONG, *[number] * 20]) for number in (1, 2)])
    allow(some, 5)
    some.acquire([*LONG, *[1] * 20, 7])
    assert some._allowance.cells == 100, "a quarter more than 40 and 20 for each"


def test_a_prompt_that_shares_with_a_busy_slot_owes_nothing_to_what_is_kept() -> None:
    some = crowded()
    keep(some, [1] * 100)
    compute(some, LONG)
    allow(some, 90)
    some.acquire([*LONG, 7])
    assert some._allowance.cells <= 90


def test_a_prompt_that_shares_with_nobody_lowers_what_may_be_kept() -> None:
    some = crowded()
    some.acquire([5] * 30)
    assert some._allowance.cells == 81


def test_a_prefix_that_every_other_prompt_finds_is_never_forgotten_beside_a_stream() -> None:
    some = crowded()
    system, found = [8] * 300, []
    keep(some, system)
    for number in range(100, 140):
        slot = some.acquire([*system, number])
        found.append(len(slot.tokens))
        other = compute(some, [number] * 30)
        some.limit_kept()
        some.grow(slot, [number] * 10)
        end(some, other, slot)
    assert found == [300] * 40


def test_prefixes_that_no_prompt_finds_are_kept_no_longer_than_a_while() -> None:
    some = crowded()
    for number in range(100, 140):
        end(some, compute(some, [number] * 30))
    assert some.cells_used == 20


# -- a memory that cannot share


def test_without_sharing_a_slot_forgets_all_at_its_release() -> None:
    plain = pool(can_share=False)
    slot = compute(plain, LONG)
    plain.release(slot)
    assert (slot.tokens, plain.cells_used) == ([], 0)
    assert plain.take_changes() == [Forget(slot.id)]


def test_without_sharing_nothing_is_shared() -> None:
    plain = pool(can_share=False)
    compute(plain, LONG)
    assert plain.longest_shared([*LONG, 99]) == 0
    assert plain.acquire([*LONG, 99]).tokens == []
    assert plain.take_changes() == []


# -- common prefixes


tokens = st.lists(st.integers(0, 1), max_size=12)


@given(tokens, tokens)
def test_a_common_prefix_is_common_and_no_longer_one_is(one: list[int], other: list[int]) -> None:
    length = common_prefix(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]


@given(st.lists(st.integers(0, 9), max_size=300), st.lists(st.just(10), max_size=3), st.lists(st.just(11), max_size=3))
def test_a_long_common_prefix_ends_where_the_lists_part(same: list[int], one: list[int], other: list[int]) -> None:
    assert common_prefix(same + one, same + other) == len(same)


# -- the pool and a memory


@dataclass
class Memory:
    """The model's side: cells by slot. It refuses what a real one would, and what would be a wasted call."""

    can_share: bool
    slots: dict[int, list[tuple[int, object]]] = field(default_factory=dict)

    def tokens(self, slot: int) -> list[int]:
        return [token for token, _ in self.slots.get(slot, [])]

    def num_cells(self) -> int:
        return len({id(cell) for cells in self.slots.values() for _, cell in cells})

    def carry_out(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Forget(slot, start):
                    assert start < len(self.slots[slot])
                    assert self.can_share or start == 0
                    del self.slots[slot][start:]
                case Copy(source, target, length):
                    assert self.can_share
                    assert source != target
                    assert not self.slots.get(target)
                    assert 0 < length <= len(self.slots[source])
                    self.slots[target] = self.slots[source][:length]

    def compute(self, slot: int, new: list[int]) -> None:
        self.slots.setdefault(slot, []).extend((token, object()) for token in new)


stems = st.sampled_from([LONG, [*LONG[:20], *range(100, 120)], list(range(200, 240))])
ends = st.lists(st.integers(0, 1), min_size=1, max_size=4)
prompts = st.builds(lambda stem, length, end: stem[:length] + end, stems, st.integers(0, 40), ends)


class PoolAndMemory(RuleBasedStateMachine):
    """Whatever is asked of the pool, the memory that is told of it holds the same, in as many cells."""

    @initialize(
        slots=st.integers(1, 5), cache=st.integers(20, 120), can_share=st.booleans(), misses=st.integers(25, 60)
    )
    def begin(self, slots: int, cache: int, can_share: bool, misses: int) -> None:
        self.cache = cache
        self.pool = pool(slots=slots, cache=cache, can_share=can_share)
        for _ in range(misses):
            self.pool._allowance.missed()
        self.memory = Memory(can_share)
        self.busy: list[tuple[Slot, list[int]]] = []
        """Busy slots, and what each is to hold."""

    @precondition(lambda self: self.pool.has_vacant)
    @rule(prompt=prompts)
    def acquire(self, prompt: list[int]) -> None:
        held = (common_prefix(self.memory.tokens(slot), prompt[:-1]) for slot in self.memory.slots)
        longest = max((length for length in held if length >= LEAST_SHARED_TOKENS), default=0)
        expected = longest if self.memory.can_share else 0
        assert self.pool.longest_shared(prompt) == expected
        slot = self.pool.acquire(prompt)
        assert slot not in [busy for busy, _ in self.busy]
        assert slot.tokens == prompt[:expected]
        self.busy.append((slot, prompt[:expected]))

    @precondition(lambda self: self.pool.has_vacant)
    @rule(prompts=st.lists(prompts, min_size=2, max_size=3))
    def acquire_several(self, prompts: list[list[int]]) -> None:
        """As many as there are slots for, before the memory is told."""
        for prompt in prompts:
            if self.pool.has_vacant:
                slot = self.pool.acquire(prompt)
                self.busy.append((slot, prompt[: len(slot.tokens)]))

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), new=st.lists(st.integers(0, 1), min_size=1, max_size=40), refused=st.booleans())
    def run(self, data: st.DataObject, new: list[int], refused: bool) -> None:
        """One chunk of a batch; what is refused is run never."""
        slot, expected = data.draw(st.sampled_from(self.busy))
        if not self.pool.make_room(len(new)):
            assert self.pool.cells_obtainable < len(new)
            return
        self.pool.grow(slot, new)
        self.tell()
        if refused:
            self.pool.shrink(slot, len(new))
        else:
            expected += new
            self.memory.compute(slot.id, new)

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), prompt=prompts)
    def run_a_prompt(self, data: st.DataObject, prompt: list[int]) -> None:
        """A stem in a slot that is still empty, so that there is something to share."""
        slot, expected = data.draw(st.sampled_from(self.busy))
        if not expected and self.pool.make_room(len(prompt)):
            self.pool.grow(slot, prompt)
            self.tell()
            expected += prompt
            self.memory.compute(slot.id, prompt)

    @precondition(lambda self: self.busy)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        ended = data.draw(st.sampled_from(self.busy))
        self.busy.remove(ended)
        self.pool.release(ended[0])

    @rule(count=st.integers(0, 120))
    def make_room(self, count: int) -> None:
        obtainable = self.pool.cells_obtainable
        assert self.pool.make_room(count) == (obtainable >= count)
        assert self.pool.cells_obtainable == obtainable

    @rule()
    def forget_kept(self) -> None:
        self.pool.forget_kept()
        assert self.pool.cells_free == self.pool.cells_obtainable

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), prompt=prompts)
    def limit_kept_at_an_end_and_a_beginning(self, data: st.DataObject, prompt: list[int]) -> None:
        """What is left beside the busy slots is as much as is allowed; nobody's cells are touched."""
        self.release(data)
        self.acquire(prompt)
        obtainable = self.pool.cells_obtainable
        self.pool.limit_kept()
        assert self.pool.cells_obtainable - self.pool.cells_free <= self.pool._allowance.cells
        assert self.pool.cells_obtainable == obtainable

    @rule()
    def limit_kept_though_nothing_changed(self) -> None:
        self.pool.limit_kept()
        self.tell()
        self.pool.limit_kept()
        assert self.pool.take_changes() == []

    @invariant()
    def a_busy_slot_keeps_what_it_holds(self) -> None:
        for slot, expected in self.busy:
            assert slot.busy
            assert (slot.tokens, len(slot.cells)) == (expected, len(expected))

    @invariant()
    def nothing_is_kept_without_sharing(self) -> None:
        if not self.memory.can_share:
            assert self.pool.cells_used == sum(len(expected) for _, expected in self.busy)

    def tell(self) -> None:
        self.memory.carry_out(self.pool.take_changes())

    @invariant()
    def slots_hold_what_the_memory_holds(self) -> None:
        self.tell()
        assert [slot.tokens for slot in self.pool._slots] == [self.memory.tokens(slot.id) for slot in self.pool._slots]
        assert self.pool.cells_used == self.memory.num_cells()
        assert self.pool.cells_free == self.cache - self.memory.num_cells()


PoolAndMemory.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestPoolAndMemory = PoolAndMemory.TestCase


@pytest.mark.parametrize("cells", [90, 200])
def test_a_prefix_that_every_job_finds_is_kept_however_many_choices_it_has(cells: int) -> None:
    some, found = crowded(), []
    allow(some, cells)
    for job in range(100, 120):
        slots = []
        for _ in range(4):
            slots.append(compute(some, [*[8] * 100, *[job] * 20]))
            some.limit_kept()
            some.grow(slots[-1], [job] * 3)
        end(some, *slots)
        found.append(some.longest_shared([*[8] * 100, 1]))
    assert found[1:] == [100] * 19
