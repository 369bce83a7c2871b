"""Pages in memory stay within their budget, and the least recently used go first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.pages.memory import MOST_OWNERS, PAGE_OVERHEAD, PageMemory

SIZE = 1000
ROOM = SIZE + PAGE_OVERHEAD


def page(number: int) -> bytes:
    return bytes([number])


@pytest.fixture
def full() -> PageMemory:
    """Room for four pages, which are there."""
    memory = PageMemory(4 * ROOM + ROOM // 2)
    for number in range(4):
        assert memory.put(page(number), bytes(SIZE))
    return memory


def held(memory: PageMemory) -> list[int]:
    return [number for number in range(10) if memory.get(page(number))]


def test_the_least_recently_used_page_makes_room(full: PageMemory) -> None:
    full.touch([page(0)])
    assert full.put(page(4), bytes(SIZE))
    assert (held(full), full.num_discarded, full.num_bytes) == ([0, 2, 3, 4], 1, 4 * ROOM)


def test_the_end_of_a_text_goes_before_its_beginning(full: PageMemory) -> None:
    full.touch([page(number) for number in range(4)])
    full.put(page(4), bytes(SIZE))
    assert held(full) == [0, 1, 2, 4]


def test_a_page_that_is_held_stays(full: PageMemory) -> None:
    first = full.get(page(0))
    assert first
    first.held = True
    full.put(page(4), bytes(2 * ROOM - PAGE_OVERHEAD))
    assert held(full) == [0, 3, 4]


def test_a_page_without_room_is_not_taken(full: PageMemory) -> None:
    for number in range(4):
        kept = full.get(page(number))
        assert kept
        kept.held = True
    assert full.put(page(4), bytes(SIZE)) is None
    assert held(full) == [0, 1, 2, 3]


def test_a_page_that_is_larger_than_the_budget_discards_nothing() -> None:
    memory = PageMemory(2 * ROOM)
    memory.put(page(0), bytes(SIZE))
    assert memory.put(page(1), bytes(4 * SIZE)) is None
    assert held(memory) == [0]


def test_of_a_page_that_everybody_has_not_all_are_remembered(full: PageMemory) -> None:
    kept = full.get(page(0))
    assert kept
    for number in range(2 * MOST_OWNERS):
        kept.know(number)
    assert len(kept.owners) == MOST_OWNERS


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3 * SIZE), st.booleans())))
def test_the_memory_of_pages_is_counted_and_within_its_budget(steps: list[tuple[int, int, bool]]) -> None:
    memory = PageMemory(5 * ROOM)
    kept: dict[bytes, bytes] = {}
    for number, size, drops in steps:
        if drops:
            memory.drop(page(number))
        elif not memory.get(page(number)):
            memory.put(page(number), bytes(size))
            kept[page(number)] = bytes(size)
        sizes = [len(found.saved) + PAGE_OVERHEAD for key in kept if (found := memory.get(key))]
        assert memory.num_bytes == sum(sizes) <= 5 * ROOM
        assert len(memory) == len(sizes)
