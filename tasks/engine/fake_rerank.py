"""A deterministic twin of a reranker for tests: no weights, and a token is a byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tasks.engine.embedding import Vector
from tasks.engine.fake_embedding import FakeEmbeddingBackend

BETWEEN = 0
"""The token between the texts of a pair."""


class FakeRerankBackend(FakeEmbeddingBackend):
    """Fulfils `tasks.engine.rerank.RerankBackend`: a score is how many words of the document the query has."""

    def __init__(self, *, num_slots: int, context: int, batch_tokens: int = 64, step_seconds: float = 0.0) -> None:
        super().__init__(
            num_slots=num_slots, context=context, batch_tokens=batch_tokens, dimensions=1, step_seconds=step_seconds
        )

    def pairs(self, query: str, documents: Sequence[str]) -> Iterator[list[int]]:
        for document in documents:
            yield [*query.encode(), BETWEEN, *document.encode()]

    def _vector(self, passage: Sequence[int]) -> Vector:
        query, _, document = bytes(passage).partition(bytes([BETWEEN]))
        wanted = set(query.split())
        return np.array([sum(word in wanted for word in document.split())], np.float32)
