"""LlamaIndex, from its own venv (`make compat`), as a server like OpenAI's and as Ollama."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import PYTHON_OPENAI2, needs_python, seen_by_python
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_python("with_llama_index.py", cluster.url, venv=PYTHON_OPENAI2)


@needs_python
@pytest.mark.parametrize("model", ["openai_like", "ollama"])
def test_it_chats_completes_streams_and_runs_an_agent(seen: dict[str, Any], model: str) -> None:
    assert seen[model] == {
        "chat": "The capital of France is Paris.",
        "completion": "12 + 7 = 19.",
        "streamed": "1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "answer": "It is sunny in Paris.",
        "streamed_answer": "It is sunny in Paris.",
        "typed": "int",
    }


@needs_python
def test_its_vectors_are_floats(seen: dict[str, Any]) -> None:
    assert seen["vectors"] == [160, 160]
