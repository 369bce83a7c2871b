"""The official JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json

from tests.compat.programs import needs_node, seen_by_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_chats_streams_and_calls(cluster: Cluster) -> None:
    seen = seen_by_node("openai.mjs", f"{cluster.url}/v1")
    assert seen["chat"] == "The capital of France is Paris."
    assert seen["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert seen["completion_tokens"] > 9
    assert seen["call"]["name"] == "get_weather"
    assert json.loads(seen["call"]["arguments"]) == {"city": "Paris"}
    assert seen["refused"] == ["NotFoundError", 404, "model_not_found"]
