"""The threads that compute a batch have a processor each, and nothing else in the process is bound to one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from tasks.engine.backend import Row
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.masks import THREADS, MaskThreads
from tasks.models.catalogue import DEMO, gguf_path

OURS = frozenset(os.sched_getaffinity(0))
pytestmark = pytest.mark.skipif(len(OURS) < 2, reason="needs two processors")


@pytest.fixture
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=512, cache_tokens=1024, threads=len(OURS))
    yield backend
    backend.close()


@pytest.fixture
def engine_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def team_of(engine_thread: ThreadPoolExecutor) -> list[frozenset[int]]:
    """Where the threads may run that compute the batches of a thread."""
    name = f"compute-{engine_thread.submit(threading.get_native_id).result()}"
    tasks = [task for task in Path("/proc/self/task").iterdir() if (task / "comm").read_text().strip() == name]
    return [frozenset(os.sched_getaffinity(int(task.name))) for task in tasks]


def batch(demo: LlamaBackend, position: int) -> None:
    demo.decode([Row(5, position, 0, True)])


def test_each_thread_has_a_processor_of_its_own(demo: LlamaBackend, engine_thread: ThreadPoolExecutor) -> None:
    engine_thread.submit(batch, demo, 0).result()
    team = team_of(engine_thread)
    assert sorted(map(len, team)) == [1] * len(OURS)
    assert frozenset().union(*team) == OURS
    assert os.sched_getaffinity(threading.get_native_id()) == OURS


def test_with_fewer_threads_than_processors_all_may_run_anywhere(
    demo: LlamaBackend, engine_thread: ThreadPoolExecutor
) -> None:
    engine_thread.submit(batch, demo, 0).result()
    with demo._threads.leave_one_free():
        engine_thread.submit(batch, demo, 1).result()
        assert set(team_of(engine_thread)) == {OURS}
    engine_thread.submit(batch, demo, 2).result()
    assert frozenset().union(*team_of(engine_thread)) == OURS
    assert set(map(len, team_of(engine_thread))) == {1}


def test_a_main_thread_stays_free_since_others_come_from_it(demo: LlamaBackend) -> None:
    name = Path("/proc/self/comm").read_text()
    batch(demo, 0)
    assert os.sched_getaffinity(0) == OURS
    assert Path("/proc/self/comm").read_text() == name


def test_what_the_engine_asks_of_other_threads_does_not_share_its_processor(
    demo: LlamaBackend, engine_thread: ThreadPoolExecutor
) -> None:
    threads, where = MaskThreads(), SimpleQueue[set[int]]()
    engine_thread.submit(batch, demo, 0).result()
    for _ in range(THREADS):
        engine_thread.submit(threads.submit, lambda: where.put(os.sched_getaffinity(0))).result()
    assert [where.get(timeout=10) for _ in range(THREADS)] == [set(OURS)] * THREADS
    threads.close()
