"""`litellm`, from its own venv (`make compat`), by its routes of OpenAI, vLLM, Anthropic and Ollama."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import needs_python, seen_by_python
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_python("with_litellm.py", cluster.url)


@needs_python
@pytest.mark.parametrize("route", ["openai", "hosted_vllm", "anthropic", "ollama_chat"])
def test_it_chats_streams_calls_and_fills_a_schema(seen: dict[str, Any], route: str) -> None:
    assert seen[route] == {
        "chat": "12 + 7 = 19.",
        "streamed": "1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "call": ["get_weather", {"city": "Paris"}],
        "answer": "It is sunny in Paris.",
        "typed": "int",
        "refused": "NotFoundError",
    }


@needs_python
def test_its_vectors_are_floats(seen: dict[str, Any]) -> None:
    assert seen["vectors"] == {"openai": 160, "ollama": 160}
