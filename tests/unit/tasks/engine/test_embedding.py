"""Passages of several jobs in batches: each gets its own vector, and those of one job come out in order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.backend import BackendFailure
from tasks.engine.embedding import EmbeddingEngine, Passage, Vector
from tasks.engine.fake_embedding import FakeEmbeddingBackend

CONTEXT, BATCH, SLOTS = 40, 32, 4


class Watched(FakeEmbeddingBackend):
    """Remembers its batches, by the first tokens of their passages, and has no finite vector for some."""

    unspeakable = 255

    def __init__(self) -> None:
        super().__init__(num_slots=SLOTS, context=CONTEXT, batch_tokens=BATCH)
        self.batches: list[list[int]] = []
        self.closed = False

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        self.batches.append([passage[0] for passage in passages])
        vectors = super().embed(passages)
        for passage, vector in zip(passages, vectors, strict=True):
            if self.unspeakable in passage:
                vector[0] = np.nan
        return vectors

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def backend() -> Watched:
    return Watched()


@pytest.fixture
def failed() -> list[tuple[Hashable, str]]:
    return []


@pytest.fixture
def engine(backend: Watched, failed: list[tuple[Hashable, str]]) -> EmbeddingEngine:
    return EmbeddingEngine(backend, on_failed=lambda job, reason: failed.append((job, reason)))


def passages(job: Hashable, firsts: Sequence[int], *, length: int = 3, alone: bool = False) -> list[Passage]:
    return [Passage(job, at, [first] * length, alone=alone) for at, first in enumerate(firsts)]


def drain(engine: EmbeddingEngine) -> list[Passage]:
    done: list[Passage] = []
    while engine.wait(0):
        done += engine.step()
    return done


@given(st.lists(st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=CONTEXT), max_size=9), max_size=6))
def test_whatever_is_run_together_each_passage_has_the_vector_that_it_has_alone(jobs: list[list[list[int]]]) -> None:
    backend = Watched()
    engine = EmbeddingEngine(backend, on_failed=lambda job, reason: None)
    submitted = [[Passage(job, at, tokens) for at, tokens in enumerate(texts)] for job, texts in enumerate(jobs)]
    for one in submitted:
        engine.submit(one)
    done = drain(engine)
    for one in submitted:
        assert [passage for passage in done if passage in one] == one, "in the order of their job"
    assert len(done) == sum(map(len, submitted))
    for passage in done:
        assert passage.vector is not None
        assert passage.vector.tolist() == FakeEmbeddingBackend.embed(backend, [passage.tokens])[0].tolist()


def test_passages_of_several_jobs_share_a_batch(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.submit(passages("a", [1, 2]))
    engine.submit(passages("b", [3]))
    engine.submit(passages("c", [4, 5]))
    drain(engine)
    assert backend.batches == [[1, 3, 4, 2], [5]]


def test_a_job_of_many_passages_does_not_hold_up_others(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.submit(passages("large", range(8)))
    engine.submit(passages("small", [20]))
    drain(engine)
    assert backend.batches[0] == [0, 20, 1, 2]


def test_owners_have_equal_shares_of_a_batch(engine: EmbeddingEngine, backend: Watched) -> None:
    for job, first in (("a", 0), ("b", 10)):
        engine.submit(passages(job, range(first, first + 8)))
    other = passages("c", range(20, 28))
    for passage in other:
        passage.owner = "other"
    engine.submit(other)
    drain(engine)
    assert sorted(backend.batches[0]) == [0, 10, 20, 21]


def test_a_batch_ends_before_the_passage_that_does_not_fit(engine: EmbeddingEngine, backend: Watched) -> None:
    for first, length in ((1, 15), (2, 16), (3, 2), (4, 16)):
        engine.submit(passages(first, [first], length=length))
    drain(engine)
    assert backend.batches == [[1, 2], [3, 4]]


def test_a_passage_that_is_longer_than_a_batch_is_one_on_its_own(engine: EmbeddingEngine, backend: Watched) -> None:
    for first, length in ((1, 2), (2, CONTEXT), (3, 2), (4, 2)):
        engine.submit(passages(first, [first], length=length))
    drain(engine)
    assert backend.batches == [[1], [2], [3, 4]]


def test_what_is_aborted_comes_out_no_more(engine: EmbeddingEngine) -> None:
    engine.submit(passages("long", range(10)))
    engine.submit(passages("other", [20, 21, 22]))
    assert [passage.tokens[0] for passage in engine.step()] == [0, 20, 1, 21]
    engine.abort("long")
    assert [passage.tokens[0] for passage in drain(engine)] == [22]


def test_a_job_that_is_aborted_as_soon_as_it_comes_is_not_run(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.submit(passages("gone", [1]))
    engine.abort("gone")
    assert engine.step() == []
    assert backend.batches == []
    assert not engine.wait(0)


def test_a_job_on_its_own_goes_first_and_shares_no_batch(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.submit(passages("before", range(6)))
    engine.step()
    engine.submit(passages("suspect", [10, 11, 12, 13, 14], alone=True))
    engine.submit(passages("after", [20]))
    done = drain(engine)
    assert backend.batches == [[0, 1, 2, 3], [10, 11, 12, 13], [14], [4, 20, 5]]
    assert {passage.job for passage in done} == {"before", "suspect", "after"}


def test_two_jobs_on_their_own_share_no_batch(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.submit(passages("one", [1], alone=True))
    engine.submit(passages("two", [2], alone=True))
    drain(engine)
    assert backend.batches == [[1], [2]]


def test_a_job_without_a_finite_vector_fails_and_the_others_beside_it_do_not(
    engine: EmbeddingEngine, failed: list[tuple[Hashable, str]]
) -> None:
    engine.submit(passages("bad", [1, Watched.unspeakable, 2, 3, 4]))
    engine.submit(passages("good", [5, 6]))
    done = drain(engine)
    assert [passage.job for passage in done] == ["good", "good"]
    assert [job for job, _ in failed] == ["bad"]


def test_the_figures_tell_what_was_run(engine: EmbeddingEngine) -> None:
    engine.submit(passages("a", range(5)))
    engine.step()
    assert (engine.figures.running, engine.figures.waiting) == (4, 1), "it is busy between two batches"
    engine.step()
    figures = engine.figures
    assert (figures.running, figures.waiting) == (0, 0)
    assert (figures.steps, figures.step_sequences, figures.prompt_tokens) == (2, 5, 15)


def test_passages_know_when_they_were_run(engine: EmbeddingEngine) -> None:
    engine.submit(passages("a", range(5)))
    first, *_, last = drain(engine)
    assert 0 < first.submitted_at <= first.started_at <= first.ended_at <= last.started_at <= last.ended_at


def test_waiting_ends_when_something_comes(engine: EmbeddingEngine) -> None:
    assert not engine.wait(0)
    engine.submit(passages("a", [1]))
    assert engine.wait(10)


def test_a_backend_that_fails_ends_the_step() -> None:
    backend = FakeEmbeddingBackend(num_slots=SLOTS, context=CONTEXT)
    engine = EmbeddingEngine(backend, on_failed=lambda job, reason: None)
    engine.submit([Passage("empty", 0, [])])
    with pytest.raises(BackendFailure):
        engine.step()


def test_closing_frees_the_model(engine: EmbeddingEngine, backend: Watched) -> None:
    engine.close()
    assert backend.closed
