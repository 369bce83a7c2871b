"""`litellm`, unmodified, from its own venv (`make compat`), against a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.compat.programs import PYTHON, needs_python
from tests.support.cluster import Cluster

PROGRAM = Path(__file__).parent / "litellm_client.py"
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
"""It would fetch a list of prices."""


@needs_python
def test_litellm_chats_streams_and_calls(cluster: Cluster) -> None:
    command = [str(PYTHON / "python"), str(PROGRAM), f"{cluster.url}/v1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **OFFLINE})
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "chat": "12 + 7 = 19.",
        "streamed": "1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "call": ["get_weather", {"city": "Paris"}],
        "refused": "BadRequestError",
    }
