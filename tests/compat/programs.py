"""Where `make compat` installs clients, and how programs that use them are run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).parents[2]
PYTHON = HOUSE / ".venv-compat" / "bin"
"""Programs of Python packages that want other versions of libraries than we do."""
PYTHON_OPENAI2 = HOUSE / ".venv-compat-openai2" / "bin"
"""The same of packages that want openai 2."""
PROGRAMS = Path(__file__).parent / "python"
"""Programs that are ours and use packages of the two."""
NODE = Path(__file__).parent / "node"
"""Programs that are ours, beside the packages that they use."""
NODE_PROGRAMS = NODE / "node_modules" / ".bin"
GO = Path(__file__).parent / "go"
"""A program of ours in Go, and where it is built."""
RUST = Path(__file__).parent / "rust"
"""The same in Rust."""
OFFLINE = {
    "NO_PROXY": "127.0.0.1",
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
}
"""Nobody is told of the tests, and no list of prices is fetched."""

needs_python = pytest.mark.skipif(
    not (PYTHON.exists() and PYTHON_OPENAI2.exists()), reason="these packages have venvs of their own: make compat"
)
needs_node = pytest.mark.skipif(not (NODE / "node_modules" / ".done").exists(), reason="npm has not installed them")

needs_go = pytest.mark.skipif(not (GO / "bin" / ".done").exists(), reason="go has not built it")

needs_rust = pytest.mark.skipif(not (RUST / "bin" / ".done").exists(), reason="cargo has not built it")


def seen_by_node(program: str, *arguments: str) -> dict[str, Any]:
    """What a program of the folder `node` prints: one object of JSON."""
    seen: dict[str, Any] = json.loads(printed(["node", program, *arguments], folder=NODE))
    return seen


def seen_by_python(program: str, *arguments: str, venv: Path = PYTHON) -> dict[str, Any]:
    """What a program of the folder `python` prints in its last line: one object of JSON."""
    out = printed([str(venv / "python"), program, *arguments], folder=PROGRAMS)
    seen: dict[str, Any] = json.loads(out.splitlines()[-1])
    return seen


def printed(command: Sequence[str], *, folder: Path, text: str = "", env: Mapping[str, str] | None = None) -> str:
    """What a command prints that is given a text, and ends well."""
    ran = subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, timeout=100,
        env={**os.environ, **OFFLINE, **(env or {})},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
