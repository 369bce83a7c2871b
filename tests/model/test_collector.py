"""Python's collector stops every thread: nothing that a job or a token leaves behind waits for it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tasks.answers.constraint import from_json_schema
from tasks.engine.backend import Row
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.models.catalogue import DEMO, gguf_path
from tasks.worker.held import Held
from tasks.worker.prepare import prepare
from tests.support.jobs import completion
from tests.support.waiting import until


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=512, cache_tokens=1024, threads=1)
    yield backend
    backend.close()


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_an_ended_job_and_its_grammar_are_freed_at_once(demo: LlamaBackend) -> None:
    grammar = from_json_schema({"type": "integer", "multipleOf": 7})
    with without_collector():
        held = Held(completion("Give me a number.", sampling={"max_tokens": 8, "grammar": grammar}))
        held.sequences = prepare(held, demo)
        engine = Engine(demo)
        engine.submit(held.sequences)
        while engine.wait(0):
            engine.step()
        assert held.outcome().choices[0].text
        sequence, compiled = weakref.ref(held.sequences[0]), weakref.ref(demo.compiler.compile(grammar))
        held.release()
        del held, engine
        assert sequence() is None
        demo.compiler._recent.clear()
        until(lambda: compiled() is None, what="the end of the last mask")


def test_a_row_of_logits_leaves_nothing_to_collect(demo: LlamaBackend) -> None:
    demo.forget(0)
    demo.decode([Row(5, 0, 0, True)])
    with without_collector():
        for _ in range(100):
            assert demo.logits(0).shape == (demo.vocab_size,)
        assert gc.collect() < 10
    row = demo.logits(0)
    row[3] = -1.0
    assert demo.logits(0)[3] == -1.0, "the array is llama.cpp's own memory"
