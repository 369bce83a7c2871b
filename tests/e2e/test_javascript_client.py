"""The official JavaScript package, unmodified, against a real cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cluster import Cluster

PROGRAM = Path(__file__).parent / "javascript"
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="there is no Node.js")
def test_the_javascript_client_chats_streams_and_calls(cluster: Cluster, tmp_path: Path) -> None:
    folder = shutil.copytree(PROGRAM, tmp_path / "javascript")
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the package cannot be installed here: {installed.stderr[-500:]}")
    command = ["node", "client.mjs", f"{cluster.url}/v1"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"] == "The capital of France is Paris."
    assert seen["streamed"] == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert seen["completion_tokens"] > 9
    assert seen["call"]["name"] == "get_weather"
    assert json.loads(seen["call"]["arguments"]) == {"city": "Paris"}
    assert seen["refused"] == ["NotFoundError", 404, "model_not_found"]
