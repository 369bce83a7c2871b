"""Haystack, from its own venv (`make compat`), by OpenAI's two interfaces and by Ollama's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import needs_python, seen_by_python
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_python("with_haystack.py", cluster.url)


@needs_python
@pytest.mark.parametrize("generator", ["chat", "responses", "ollama"])
def test_it_chats_streams_and_runs_an_agent(seen: dict[str, Any], generator: str) -> None:
    assert seen[generator] == {
        "chat": "12 + 7 = 19.",
        "streamed": "1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "answer": "It is sunny in Paris.",
    }


@needs_python
def test_it_fills_a_schema_and_its_vectors_are_floats(seen: dict[str, Any]) -> None:
    assert seen["typed"] == ["value"]
    assert seen["vectors"] == [160, 160]
