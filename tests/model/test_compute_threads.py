"""What computes beside the model is left a processor."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import llama_cpp
import pytest

from tasks.answers.constraint import from_json_schema
from tasks.engine.backend import Row
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.compute_threads import ComputeThreads
from tasks.engine.llama.constraint import Compiler
from tasks.models.catalogue import DEMO, gguf_path


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=512, cache_tokens=1024, threads=2)
    yield backend
    backend.close()


def in_use(backend: LlamaBackend) -> int:
    return int(llama_cpp.llama_n_threads(backend.ctx))


@pytest.mark.parametrize(
    ("most", "processors", "beside", "count"),
    [(2, 2, 0, 2), (2, 2, 1, 1), (2, 2, 2, 1), (4, 8, 4, 4), (4, 8, 5, 3), (8, 2, 0, 8), (8, 2, 1, 1), (1, 1, 1, 1)],
)
def test_there_are_so_many_threads(demo: LlamaBackend, most: int, processors: int, beside: int, count: int) -> None:
    threads = ComputeThreads(demo.ctx, most, processors=processors)
    held = [threads.leave_one_free() for _ in range(beside)]
    for each in held:
        each.__enter__()
    assert threads.count == count
    for each in held:
        each.__exit__(None, None, None)
    assert threads.count == most


def test_the_next_batch_has_fewer_threads_and_the_one_after_all_again(demo: LlamaBackend) -> None:
    threads = demo._threads = ComputeThreads(demo.ctx, 2, processors=2)
    demo.decode([Row(5, 0, 0, True)])
    assert in_use(demo) == 2
    with threads.leave_one_free():
        demo.decode([Row(6, 1, 0, True)])
        assert in_use(demo) == 1
    demo.decode([Row(7, 2, 0, True)])
    assert in_use(demo) == 2


def test_what_computes_beside_begins_when_the_running_batch_has_ended(demo: LlamaBackend) -> None:
    threads, began = ComputeThreads(demo.ctx, 2, processors=2), threading.Event()

    def compute() -> None:
        with threads.leave_one_free():
            began.set()

    with threads.computing():
        thread = threading.Thread(target=compute)
        thread.start()
        assert not began.wait(0.2)
    assert began.wait(10)
    thread.join()


def test_nobody_waits_for_a_batch_where_there_are_processors_enough(demo: LlamaBackend) -> None:
    threads = ComputeThreads(demo.ctx, 2, processors=8)
    with threads.computing(), threads.leave_one_free():
        assert threads.count == 2


def test_a_grammar_is_compiled_on_a_processor_of_its_own(demo: LlamaBackend) -> None:
    threads = ComputeThreads(demo.ctx, 2, processors=2)
    counts: list[int] = []

    class Watched(Compiler):
        def _compile(self, grammar: str):  # type: ignore[no-untyped-def]
            counts.append(threads.count)
            return super()._compile(grammar)

    compiler = Watched(
        demo._vocab, vocab_size=demo.vocab_size, end_tokens=demo.end_tokens, processor=threads.leave_one_free
    )
    for _ in range(2):
        compiler.compile(from_json_schema({"type": "integer"}))
    compiler.close()
    assert counts == [1], "once, and with a processor left to it"
    assert threads.count == 2
