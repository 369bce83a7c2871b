"""`pydantic-ai`, from its own venv (`make compat`), with the providers of OpenAI, Anthropic and Ollama."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import needs_python, seen_by_python
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_python("with_pydantic_ai.py", cluster.url)


@needs_python
@pytest.mark.parametrize("provider", ["chat", "responses", "anthropic", "ollama"])
def test_an_agent_chats_streams_calls_and_fills_a_type(seen: dict[str, Any], provider: str) -> None:
    assert seen[provider] == {
        "turns": ["The capital of France is Paris.", "12 + 7 = 19."],
        "streamed": "1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "tool": "It is sunny in Paris.",
        "called": "int",
        "native": "int",
        "tokens": 15,
    }


@needs_python
def test_its_vectors_are_floats(seen: dict[str, Any]) -> None:
    assert seen["vectors"] == [160, 160]
