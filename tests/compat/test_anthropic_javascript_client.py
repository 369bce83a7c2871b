"""Anthropic's JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json
import subprocess

from tests.compat.programs import NODE, needs_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_asks_streams_calls_and_counts(cluster: Cluster) -> None:
    command = ["node", "anthropic.mjs", cluster.url]
    ran = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"] == "The capital of France is Paris."
    assert (seen["streamed"], seen["stop"]) == ("1, 2, 3, 4, 5, 6, 7, 8, 9.", "end_turn")
    assert seen["output"] > 9
    assert (seen["call"]["name"], seen["call"]["input"]) == ("get_weather", {"city": "Paris"})
    assert 0 < seen["counted"] < 30
    assert seen["refused"] == ["BadRequestError", 400, "invalid_request_error"]
