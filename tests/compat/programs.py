"""Where `make compat` installs clients."""

from __future__ import annotations

from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / ".venv-compat" / "bin"
"""Programs of Python packages that want other versions of libraries than we do."""
NODE = Path(__file__).parent / "node"
"""Programs that are ours, beside the packages that they use."""
NODE_PROGRAMS = NODE / "node_modules" / ".bin"

needs_python = pytest.mark.skipif(not PYTHON.exists(), reason="these packages have a venv of their own: make compat")
needs_node = pytest.mark.skipif(not (NODE / "node_modules" / ".done").exists(), reason="npm has not installed them")
