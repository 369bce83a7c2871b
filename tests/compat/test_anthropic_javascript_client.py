"""Anthropic's JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

from tests.compat.programs import needs_node, seen_by_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_asks_streams_calls_and_counts(cluster: Cluster) -> None:
    seen = seen_by_node("anthropic.mjs", cluster.url)
    assert seen["chat"] == "The capital of France is Paris."
    assert (seen["streamed"], seen["stop"]) == ("1, 2, 3, 4, 5, 6, 7, 8, 9.", "end_turn")
    assert seen["output"] > 9
    assert (seen["call"]["name"], seen["call"]["input"]) == ("get_weather", {"city": "Paris"})
    assert 0 < seen["counted"] < 30
    assert seen["refused"] == ["BadRequestError", 400, "invalid_request_error"]
