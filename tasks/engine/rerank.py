"""Scores of documents for a query. A pair of the two is a passage of the engine for vectors, with one number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tasks.engine.embedding import EmbeddingBackend


class RerankBackend(EmbeddingBackend, Protocol):
    """A model that scores pairs. `embed` returns a matrix with one column, the scores as the model gives them."""

    def pairs(self, query: str, documents: Sequence[str]) -> Iterator[list[int]]:
        """The tokens of each pair, in the order of the documents, made one by one."""
