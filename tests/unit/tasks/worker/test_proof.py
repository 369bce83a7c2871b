"""The self-test of a model: what it runs, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tasks.engine.backend import BackendFailure, Row
from tasks.engine.embedding import Vector
from tasks.engine.fake import FakeBackend
from tasks.engine.fake_embedding import FakeEmbeddingBackend
from tasks.engine.fake_rerank import FakeRerankBackend
from tasks.worker.proof import ProofFailed, prove_embedding, prove_generation, prove_rerank


class Watched(FakeBackend):
    """Notes the batches, and spoils the logits of those that `spoils` chooses."""

    def __init__(self, *, value: float = float("nan"), **sizes: Any) -> None:
        super().__init__(**{"num_slots": 4, "context": 512, "cache_tokens": 2048, "batch_tokens": 512, **sizes})
        self.batches: list[Sequence[Row]] = []
        self._value = value
        self.spoils: Callable[[Sequence[Row]], bool] = lambda rows: False

    def decode(self, rows: Sequence[Row]) -> None:
        super().decode(rows)
        self.batches.append(list(rows))

    def logits(self, row: int) -> Any:
        logits = super().logits(row)
        if self.spoils(self.batches[-1]):
            logits[5] = self._value
        return logits


def phases(backend: FakeBackend) -> list[str]:
    seen: list[str] = []
    prove_generation(backend, lambda phase, _: seen.append(phase))
    return seen


def test_it_runs_one_row_a_whole_tile_and_all_slots_together() -> None:
    backend = Watched()
    assert phases(backend) == ["decode", "prefill", "batch", "sampling"]
    assert len(backend.batches[0]) == 1
    assert len(backend.batches[1]) > 64
    assert {row.slot for row in backend.batches[-1]} == {0, 1, 2, 3}
    assert all(not slot for slot in backend._slots), "nothing is left in the cache"


@pytest.mark.parametrize(
    "sizes",
    [
        {"context": 64, "cache_tokens": 64, "batch_tokens": 64},
        {"num_slots": 1, "context": 64, "cache_tokens": 64, "batch_tokens": 64},
        {"num_slots": 128, "context": 64, "cache_tokens": 64, "batch_tokens": 64},
        {"can_share": False},
        {"num_slots": 128, "can_share": False},
    ],
)
def test_it_fits_into_any_size_of_context_cache_and_slots(sizes: dict[str, Any]) -> None:
    assert phases(Watched(**sizes))[-1] == "sampling"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("phase", "spoils"),
    [
        ("decode", lambda rows: len(rows) == 1),
        ("prefill", lambda rows: len(rows) > 64),
        ("batch", lambda rows: len({row.slot for row in rows}) > 1),
    ],
)
def test_a_logit_that_is_no_number_is_found(phase: str, spoils: Any, value: float) -> None:
    backend, seen = Watched(value=value), list[str]()
    backend.spoils = spoils
    with pytest.raises(ProofFailed, match="not finite"):
        prove_generation(backend, lambda each, _: seen.append(each))
    assert seen[-1] == phase


def test_what_company_changes_is_found() -> None:
    class Confused(Watched):
        def logits(self, row: int) -> Any:
            logits = super().logits(row)
            return logits[::-1] if len({each.slot for each in self.batches[-1]}) > 1 else logits

    with pytest.raises(ProofFailed, match="differently"):
        phases(Confused())


def test_what_the_library_refuses_is_passed_on() -> None:
    class Refusing(FakeBackend):
        def decode(self, rows: Sequence[Row]) -> None:
            raise BackendFailure("no")

    with pytest.raises(BackendFailure):
        phases(Refusing(num_slots=1, context=64, cache_tokens=64))


def test_vectors_are_made_alone_and_beside_others() -> None:
    seen: list[str] = []
    backend = FakeEmbeddingBackend(num_slots=4, context=512, batch_tokens=512)
    prove_embedding(backend, lambda phase, _: seen.append(phase))
    assert seen == ["embedding", "batch"]


def test_scores_are_made_alone_and_beside_others() -> None:
    seen: list[str] = []
    backend = FakeRerankBackend(num_slots=4, context=512, batch_tokens=512)
    prove_rerank(backend, lambda phase, _: seen.append(phase))
    assert seen == ["scoring", "batch"]


@pytest.mark.parametrize(
    ("scores", "words"),
    [(lambda company: np.nan, "not a finite number"), (lambda company: 1.0 + company, "differently")],
)
def test_a_score_that_cannot_be_right_is_found(scores: Callable[[int], float], words: str) -> None:
    class Broken(FakeRerankBackend):
        def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
            return np.full((len(passages), 1), scores(len(passages)), np.float32)

    with pytest.raises(ProofFailed, match=words):
        prove_rerank(Broken(num_slots=4, context=512, batch_tokens=512), lambda *_: None)


@pytest.mark.parametrize("context", [1, 64])
def test_a_reranker_of_any_context_is_proven(context: int) -> None:
    prove_rerank(FakeRerankBackend(num_slots=2, context=context), lambda *_: None)


@pytest.mark.parametrize("context", [1, 64])
def test_an_embedding_model_of_any_context_is_proven(context: int) -> None:
    prove_embedding(FakeEmbeddingBackend(num_slots=2, context=context), lambda *_: None)


@pytest.mark.parametrize(("vector", "words"), [(np.full(8, np.nan), "not finite"), (np.zeros(8), "zero")])
def test_a_vector_that_cannot_be_right_is_found(vector: Vector, words: str) -> None:
    class Broken(FakeEmbeddingBackend):
        def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
            return np.stack([vector.astype(np.float32)] * len(passages))

    with pytest.raises(ProofFailed, match=words):
        prove_embedding(Broken(num_slots=2, context=64), lambda *_: None)
