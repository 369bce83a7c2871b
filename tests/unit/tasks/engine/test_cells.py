"""Which cells are held: by nobody, by one slot, or by several that share a prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.cells import CellPool


def test_a_new_pool_is_free() -> None:
    pool = CellPool(8)
    assert (pool.num_free, pool.num_used) == (8, 0)


def test_cells_that_are_taken_are_used() -> None:
    pool = CellPool(8)
    assert len(set(pool.take(3))) == 3
    assert (pool.num_free, pool.num_used) == (5, 3)


def test_no_cell_is_taken_twice() -> None:
    pool = CellPool(8)
    assert sorted(pool.take(3) + pool.take(5)) == list(range(8))


def test_taking_none_is_nothing() -> None:
    pool = CellPool(8)
    assert pool.take(0) == []
    assert pool.num_free == 8


def test_a_cell_given_back_is_taken_again() -> None:
    pool = CellPool(2)
    taken = pool.take(2)
    pool.give(taken[:1])
    assert pool.take(1) == taken[:1]


def test_a_shared_cell_is_used_once() -> None:
    pool = CellPool(8)
    pool.share(pool.take(3))
    assert pool.num_used == 3


def test_a_shared_cell_is_free_when_its_last_holder_gives_it() -> None:
    pool = CellPool(8)
    taken = pool.take(3)
    pool.share(taken[:2])
    pool.give(taken)
    assert pool.num_used == 2
    pool.give(taken[:2])
    assert pool.num_used == 0


def test_giving_none_is_nothing() -> None:
    pool = CellPool(8)
    pool.give([])
    assert pool.num_free == 8


def test_cells_of_groups_that_overlap_count_once() -> None:
    assert CellPool(8).num_outside([[0, 1, 2], [1, 2, 3], []]) == 4


def test_without_groups_all_cells_are_outside() -> None:
    assert CellPool(8).num_outside([]) == 8


def test_each_group_adds_the_cells_that_are_new_with_it() -> None:
    assert CellPool(8).added_by([[0, 1, 2], [1, 2, 3], [], [3]], beside=[]) == [3, 1, 0, 0]


def test_cells_beside_groups_are_added_by_none() -> None:
    assert CellPool(8).added_by([[0, 1, 2], [2, 3]], beside=[[0], [0, 3]]) == [2, 0]


groups = st.lists(st.lists(st.integers(0, 11), unique=True), max_size=5)


@given(groups=groups, beside=groups)
def test_what_groups_add_is_all_that_is_beside_the_others(groups: list[list[int]], beside: list[list[int]]) -> None:
    pool = CellPool(12)
    added = pool.added_by(groups, beside=beside)
    for count in range(len(groups) + 1):
        assert sum(added[:count]) == pool.num_outside(beside) - pool.num_outside(beside + groups[:count])


@given(st.data())
def test_a_cell_is_free_if_and_only_if_nobody_holds_it(data: st.DataObject) -> None:
    pool, holders = CellPool(12), list[list[int]]()
    for _ in range(data.draw(st.integers(0, 20))):
        action = data.draw(st.sampled_from(["take", "share", "give"]))
        if action == "take":
            holders.append(pool.take(data.draw(st.integers(0, pool.num_free))))
        elif holders:
            holder = data.draw(st.sampled_from(holders))
            length = data.draw(st.integers(0, len(holder)))
            if action == "share":
                pool.share(holder[:length])
                holders.append(holder[:length])
            else:
                pool.give(holder[length:])
                del holder[length:]
        held = {cell for holder in holders for cell in holder}
        assert pool.num_used == len(held)
        assert pool.num_free == pool.num_outside(holders) == 12 - len(held)
        assert len(pool.take(pool.num_free)) + len(held) == 12, "a free cell is there to be taken"
        pool.give(sorted(set(range(12)) - held))
