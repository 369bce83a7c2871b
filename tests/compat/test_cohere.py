"""Cohere's package of two releases, the older one as LangChain's reranker uses it, from their venvs (`make compat`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.programs import PYTHON_OPENAI2, needs_python, seen_by_python
from tests.support import tiny_models
from tests.support.cluster import Cluster

MODELS = """
models:
  demo: {path: demo, slots: 4, context: 512}
  ranker: {path: cross_encoder.gguf, kind: rerank}
"""
QUERY = "what is the capital of france"
DOCUMENTS = ["tell me a story", "the capital", "llama", "a llama was kind"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("rerank")
    tiny_models.write_rerank("cross_encoder", folder)
    running = Cluster(folder, models=MODELS)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ranking(cluster: Cluster) -> list[Any]:
    """The documents' places, the best first, and their scores, as our own call tells them."""
    body = {"model": "ranker", "query": QUERY, "documents": DOCUMENTS}
    results = cluster.http.post("/v1/rerank", json=body).json()["results"]
    return [[each["index"], pytest.approx(each["relevance_score"], rel=2e-2)] for each in results]


@needs_python
def test_coheres_package_puts_documents_in_order(cluster: Cluster, ranking: list[Any]) -> None:
    seen = seen_by_python("with_cohere.py", cluster.url)
    assert seen["ranked"] == ranking[:3]
    assert seen["older"] == [[index, DOCUMENTS[index]] for index, _ in ranking]
    assert seen["refused"] == "context_length_exceeded"


@needs_python
def test_langchains_reranker_keeps_the_best_documents(cluster: Cluster, ranking: list[Any]) -> None:
    seen = seen_by_python("with_langchain_cohere.py", cluster.url, venv=PYTHON_OPENAI2)
    assert seen["kept"] == [[DOCUMENTS[index], score] for index, score in ranking[:2]]
