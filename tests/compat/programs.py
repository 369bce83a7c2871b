"""Where `make compat` installs clients, and how programs that use them are run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(__file__).parents[2] / ".venv-compat" / "bin"
"""Programs of Python packages that want other versions of libraries than we do."""
NODE = Path(__file__).parent / "node"
"""Programs that are ours, beside the packages that they use."""
NODE_PROGRAMS = NODE / "node_modules" / ".bin"

needs_python = pytest.mark.skipif(not PYTHON.exists(), reason="these packages have a venv of their own: make compat")
needs_node = pytest.mark.skipif(not (NODE / "node_modules" / ".done").exists(), reason="npm has not installed them")


OFFLINE = {"NO_PROXY": "127.0.0.1"}


def seen_by_node(program: str, *arguments: str) -> dict[str, Any]:
    """What a program of the folder `node` prints: one object of JSON."""
    seen: dict[str, Any] = json.loads(_printed(["node", program, *arguments]))
    return seen


def printed_by_node(text: str) -> str:
    """What a module prints that may import the packages of the folder `node`."""
    return _printed(["node", "--input-type=module"], text)


def _printed(command: Sequence[str], given: str = "") -> str:
    ran = subprocess.run(
        command, cwd=NODE, input=given, capture_output=True, text=True, timeout=100, env={**os.environ, **OFFLINE}
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
