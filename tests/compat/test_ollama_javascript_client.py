"""Ollama's JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json
import subprocess

from tests.compat.programs import NODE, needs_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_chats_streams_calls_and_lists(cluster: Cluster) -> None:
    ran = subprocess.run(["node", "ollama.mjs", cluster.url], cwd=NODE, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"] == "The capital of France is Paris."
    assert seen["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert seen["done"] == [True, "stop"]
    assert seen["call"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}}
    assert seen["generated"] == "12 + 7 = 19."
    assert seen["models"] == ["demo:latest"]
    status, message = seen["refused"]
    assert status == 404
    assert "There is no model 'none'" in message
