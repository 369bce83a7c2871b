"""The twin of a reranker that tests use scores as it says."""

from __future__ import annotations

from tasks.engine.fake_rerank import FakeRerankBackend


def test_a_score_is_the_number_of_words_that_the_query_has() -> None:
    backend = FakeRerankBackend(num_slots=4, context=64)
    pairs = list(backend.pairs("red fox", ["a fox", "a red fox", "a dog", ""]))
    assert backend.embed(pairs).tolist() == [[1.0], [2.0], [0.0], [0.0]]
    assert backend.detokenize(pairs[0]) == b"red fox\0a fox"
