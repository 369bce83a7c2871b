"""The front loads neither a model's library nor the worker."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORBIDDEN = ("llama_cpp", "tasks.engine", "tasks.worker")


@pytest.mark.parametrize("module", ["app.wsgi", "app.cli", "app.cli.clerk", "app.cli.doctor", "tasks.clerk"])
def test_a_process_without_a_model_loads_no_engine(module: str) -> None:
    """In an interpreter of its own: this one has long loaded everything."""
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARAVAN_")}
    answer = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    loaded = answer.stdout.split()
    assert module in loaded
    assert [name for name in loaded if name.startswith(FORBIDDEN)] == []
