"""Pages come from memory, or from a folder that outlives the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.engine.pages import disk as disks
from tasks.engine.pages.disk import PageDisk
from tasks.engine.pages.folder import PageFolder
from tasks.engine.pages.memory import PAGE_OVERHEAD
from tasks.engine.pages.store import PATIENCE_SECONDS, PageStore
from tests.support.waiting import until

SIZE = 1000
ROOM = SIZE + PAGE_OVERHEAD
KEYS = [bytes([number]) * 32 for number in range(12)]


def saved(number: int) -> bytes:
    return bytes([number]) * SIZE


@contextmanager
def opened(path: Path, *, memory: int = 4 * ROOM, budget: int = 1 << 20) -> Iterator[PageStore]:
    store = PageStore(memory, files="digest", disk=PageDisk(PageFolder(path, budget=budget)))
    try:
        yield store
    finally:
        store.close()


def fill(store: PageStore, count: int) -> None:
    for number in range(count):
        store.put(KEYS[number], saved(number), number=number)
        settle(store)


def settle(store: PageStore) -> None:
    """Until all is written."""

    def is_done() -> bool:
        store.update()
        return not any((page := store.get(key)) and page.held for key in KEYS)

    until(is_done)


def fetched(store: PageStore, keys: list[bytes]) -> bool:
    """Ask for pages, and wait until none is coming; whether the first is there."""
    store.fetch(keys)

    def is_done() -> bool:
        store.update()
        return not any(map(store.is_coming, keys))

    until(is_done)
    return store.get(keys[0]) is not None


def test_a_page_that_left_memory_comes_back_from_the_folder(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, 6)
        assert store.get(KEYS[0]) is None
        assert fetched(store, KEYS[:1])
        page = store.get(KEYS[0])
        assert page
        assert page.saved == saved(0)
        assert store.num_bytes <= 4 * ROOM


def test_pages_outlive_the_process(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, 3)
    with opened(tmp_path) as store:
        assert fetched(store, KEYS[:3])
        assert [bool(store.get(key)) for key in KEYS[:4]] == [True, True, True, False]


def test_nothing_is_read_behind_a_page_that_is_nowhere(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, 3)
    (tmp_path / "pages" / f"{KEYS[1].hex()}.page").unlink()
    with opened(tmp_path) as store:
        fetched(store, KEYS[:3])
        assert [bool(store.get(key)) for key in KEYS[:3]] == [True, False, False]


def test_a_torn_file_is_refused_deleted_and_counted(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, 1)
    file = tmp_path / "pages" / f"{KEYS[0].hex()}.page"
    file.write_bytes(file.read_bytes()[:-1])
    with opened(tmp_path) as store:
        assert not fetched(store, KEYS[:1])
        assert (store.num_refused, file.exists(), store.num_bytes) == (1, False, 0)


def test_a_file_that_another_worker_deleted_is_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, 6)
        (tmp_path / "pages" / f"{KEYS[0].hex()}.page").unlink()
        assert not fetched(store, KEYS[:1])
        assert store.num_refused == 0


def test_the_folder_stays_within_its_budget(tmp_path: Path) -> None:
    with opened(tmp_path, budget=5 * SIZE) as store:
        fill(store, 12)
    files = list((tmp_path / "pages").iterdir())
    assert 0 < sum(file.stat().st_size for file in files) <= 5 * SIZE


def test_workers_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "SCAN_SECONDS", 0.01)
    with opened(tmp_path) as one, opened(tmp_path) as other:
        fill(one, 2)
        until(lambda: fetched(other, KEYS[:2]))


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_pages(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        (tmp_path / "pages").rmdir()
        (tmp_path / "pages").write_text("in the way")
        fill(store, 2)
        assert store.get(KEYS[0])
        assert fetched(store, KEYS[:1])


def test_a_disk_that_is_slow_is_not_waited_for_long(tmp_path: Path) -> None:
    now = 0.0
    disk = PageDisk(PageFolder(tmp_path, budget=1 << 20))
    disk._folder.write(KEYS[0], saved(0), number=0)
    disk._scan()
    disk.close()
    disk._thread.is_alive = lambda: True  # type: ignore[method-assign]
    store = PageStore(4 * ROOM, files="digest", disk=disk, clock=lambda: now)
    store.fetch(KEYS[:1])
    assert store.is_coming(KEYS[0])
    now = PATIENCE_SECONDS + 1
    assert not store.is_coming(KEYS[0])


def test_without_a_folder_nothing_is_fetched() -> None:
    store = PageStore(4 * ROOM, files="digest")
    store.put(KEYS[0], saved(0), number=0)
    store.fetch(KEYS[:3])
    store.update()
    store.end(KEYS[:3])
    assert (store.is_coming(KEYS[1]), store.num_pages, store.folder_bytes) == (False, 1, 0)
