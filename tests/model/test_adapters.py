"""Two adapters that were trained, and the demo model without any, beside each other in one engine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.backend import BackendFailure, FileAtFault, Row
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.models.adapters import AdapterFile
from tasks.models.catalogue import DEMO, ModelEntry, gguf_path
from tasks.records.adapters import Adapters
from tasks.settings import Settings
from tasks.worker.loading import load_work
from tasks.worker.proof import ProofFailed, prove_generation
from tests.support.decoding import GREEDY, drain
from tests.support.demo_adapters import ENDS, GREETS, Case, cases, write
from tests.support.tiny_models import write_kind

PATHS = {"greets": GREETS, "ends": ENDS}


def load(**options: Path) -> LlamaBackend:
    return LlamaBackend(
        gguf_path(DEMO), num_slots=8, context=512, cache_tokens=4096, threads=1, adapters={**PATHS, **options}
    )


@pytest.fixture(scope="module")
def backend() -> Iterator[LlamaBackend]:
    loaded = load()
    yield loaded
    loaded.close()


def asked(backend: LlamaBackend, case: Case, *, job: object, adapters: Adapters | None = None) -> Sequence:
    text = backend.render_chat(case.messages)
    prompt = backend.tokenize(text, add_special=False, parse_special=True)
    adapters = case.adapters if adapters is None else adapters
    return Sequence(job=job, index=0, prompt=prompt, params=GREEDY, context=backend.context, adapters=adapters)


def answers(backend: LlamaBackend, *sequences: Sequence) -> list[str]:
    engine = Engine(backend)
    engine.submit(sequences)
    drain(engine)
    return [each.text for each in sequences]


def test_each_answers_as_it_was_taught_200_of_200_in_one_engine(backend: LlamaBackend) -> None:
    several = cases(200, random.Random(5))
    assert {case.adapters for case in several} == {(), (("greets", 1.0),), (("ends", 1.0),)}
    sequences = [asked(backend, case, job=number) for number, case in enumerate(several)]
    assert answers(backend, *sequences) == [case.answer for case in several]
    shared = [each for each in sequences if each.num_cached]
    assert len({each.adapters for each in shared}) == 3, "a shared system prompt is computed once for each set"


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 9))
def test_greedy_text_does_not_depend_on_company(backend: LlamaBackend, seed: int, count: int) -> None:
    several = cases(count, random.Random(seed))
    alone = [answers(backend, asked(backend, case, job=0))[0] for case in several]
    together = answers(backend, *(asked(backend, case, job=number) for number, case in enumerate(several)))
    assert together == alone


def logits(backend: LlamaBackend, adapters: Adapters) -> np.ndarray:
    backend.forget(0)
    backend.adapt(adapters)
    backend.decode([Row(100 + at, at, 0, at == 7) for at in range(8)])
    return np.array(backend.logits(7))


def test_scales_add_up_and_the_base_is_as_before(backend: LlamaBackend) -> None:
    with_greets = logits(backend, (("greets", 1.0),))
    base, half = logits(backend, ()), logits(backend, (("greets", 0.5),))
    both = logits(backend, (("ends", 1.0), ("greets", 1.0)))
    assert np.allclose(base, logits(backend, ()))
    for one, other in ((with_greets, base), (half, base), (half, with_greets), (both, with_greets)):
        assert not np.allclose(one, other, atol=1e-3)


def test_the_base_computes_what_it_computes_where_no_adapter_is_loaded(backend: LlamaBackend) -> None:
    plain = LlamaBackend(gguf_path(DEMO), num_slots=8, context=512, cache_tokens=4096, threads=1)
    try:
        assert np.array_equal(logits(plain, ()), logits(backend, ()))
    finally:
        plain.close()


def test_a_file_that_is_not_there_or_not_of_this_model_is_refused_at_load(tmp_path: Path) -> None:
    with pytest.raises(BackendFailure, match=r"there is no file .*none\.gguf of the adapter none"):
        load(none=tmp_path / "none.gguf")
    wrong = write(tmp_path / "wrong.gguf", {"blk.0.attn_q.weight": (np.zeros((4, 96)), np.zeros((160, 4)))})
    with pytest.raises(FileAtFault, match=r"cannot load the adapter wrong.*incorrect shape"):
        load(wrong=wrong)


def test_a_worker_refuses_an_adapter_of_another_model_and_says_why(tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.gguf", {"blk.9.attn_q.weight": (np.zeros((4, 160)), np.zeros((160, 4)))})
    entry = ModelEntry(path="demo", adapters={"wrong": AdapterFile(path=str(wrong))})
    with pytest.raises(FileAtFault, match=r"the adapter wrong cannot be used: .*the model has no tensor blk\.9"):
        load_work(entry, Settings(threads=1), Mock())


def test_the_self_test_computes_with_each_adapter(backend: LlamaBackend) -> None:
    phases: list[str] = []
    for slot in range(backend.num_sequences):
        backend.forget(slot)
    prove_generation(backend, lambda phase, _seconds: phases.append(phase))
    assert phases[-1] == "adapters"


def test_an_adapter_of_numbers_that_are_none_is_refused_by_the_self_test(tmp_path: Path) -> None:
    matrix = (np.full((4, 160), np.nan), np.ones((160, 4)))
    nan = write(tmp_path / "nan.gguf", {"blk.0.attn_q.weight": matrix})
    backend = load(nan=nan)
    try:
        with pytest.raises(ProofFailed, match="With the adapter 'nan', 1024 of 1024 logits are not finite numbers"):
            prove_generation(backend, lambda _phase, _seconds: None)
    finally:
        backend.close()


def test_a_model_of_another_kind_takes_adapters_too(tmp_path: Path) -> None:
    path = write_kind("sliding", tmp_path)
    matrix = (np.full((2, 64), 0.1), np.full((64, 2), 0.1))
    adapter = write(tmp_path / "a.gguf", {"blk.1.attn_v.weight": matrix}, general__architecture="gemma3")
    backend = LlamaBackend(path, num_slots=2, context=128, cache_tokens=256, threads=1, adapters={"a": adapter})
    try:
        assert not np.allclose(logits(backend, ()), logits(backend, (("a", 1.0),)))
    finally:
        backend.close()
