"""The AI SDK of npm (`ai`), with the providers of OpenAI, of servers like it, of Anthropic and of Ollama."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import needs_node, seen_by_node
from tests.support.cluster import Cluster

PROVIDERS = ("responses", "chat", "compatible", "anthropic", "ollama")


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_node("ai_sdk.mjs", cluster.url)


@needs_node
@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_chats_streams_calls_a_tool_and_fills_a_schema(seen: dict[str, Any], provider: str) -> None:
    told = seen[provider]
    assert (told["chat"], told["second"]) == ("The capital of France is Paris.", "12 + 7 = 19.")
    assert told["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert (told["finish"], told["input"], told["output"]) == ("stop", 15, 19)
    assert told["call"] == [["get_weather", {"city": "Paris"}]]
    assert told["answer"] == told["streamedAnswer"] == "It is sunny in Paris."
    assert 0 < len(told["object"]["capital"]) <= 20
    status, message = told["refused"]
    assert status == 404
    if provider != "ollama":  # it reads messages of another form than Ollama's own
        assert "There is no model 'none'" in message


@needs_node
def test_the_default_provider_refers_to_the_items_of_earlier_answers(seen: dict[str, Any]) -> None:
    assert [provider for provider in PROVIDERS if seen[provider]["refersToItems"]] == ["responses"]


@needs_node
def test_its_vectors_are_floats(seen: dict[str, Any]) -> None:
    assert seen["vectors"] == [160, 160, 160]
