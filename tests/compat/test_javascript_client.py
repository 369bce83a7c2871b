"""The official JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json
import subprocess

from tests.compat.programs import NODE, needs_node
from tests.support.cluster import Cluster


@needs_node
def test_the_javascript_client_chats_streams_and_calls(cluster: Cluster) -> None:
    command = ["node", "openai.mjs", f"{cluster.url}/v1"]
    ran = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"] == "The capital of France is Paris."
    assert seen["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert seen["completion_tokens"] > 9
    assert seen["call"]["name"] == "get_weather"
    assert json.loads(seen["call"]["arguments"]) == {"city": "Paris"}
    assert seen["refused"] == ["NotFoundError", 404, "model_not_found"]
