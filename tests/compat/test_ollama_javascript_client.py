"""Ollama's JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

from tests.compat.programs import needs_node, seen_by_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_chats_streams_calls_and_lists(cluster: Cluster) -> None:
    seen = seen_by_node("ollama.mjs", cluster.url)
    assert seen["chat"] == "The capital of France is Paris."
    assert seen["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert seen["done"] == [True, "stop"]
    assert seen["call"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}}
    assert seen["generated"] == "12 + 7 = 19."
    assert seen["models"] == ["demo:latest", "vectors:latest"]
    status, message = seen["refused"]
    assert status == 404
    assert "There is no model 'none'" in message
