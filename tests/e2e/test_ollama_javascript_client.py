"""Ollama's JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_javascript_client import INSTALL
from tests.support.cluster import Cluster

PROGRAM = Path(__file__).parent / "ollama_javascript"


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="there is no Node.js")
def test_the_javascript_client_chats_streams_calls_and_lists(cluster: Cluster, tmp_path: Path) -> None:
    folder = shutil.copytree(PROGRAM, tmp_path / "javascript")
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the package cannot be installed here: {installed.stderr[-500:]}")
    ran = subprocess.run(["node", "client.mjs", cluster.url], cwd=folder, capture_output=True, text=True, timeout=60)
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
