"""`instructor`, from its own venv (`make compat`): each mode that tells the server the schema fills a model."""

from __future__ import annotations

from tests.compat.programs import PYTHON_OPENAI2, needs_python, seen_by_python
from tests.support.cluster import Cluster


@needs_python
def test_each_mode_fills_a_model(cluster: Cluster) -> None:
    seen = seen_by_python("with_instructor.py", cluster.url, venv=PYTHON_OPENAI2)
    assert seen == {
        "TOOLS": "Sum",
        "TOOLS_STRICT": "Sum",
        "JSON_SCHEMA": "Sum",
        "RESPONSES_TOOLS": "Sum",
        "ANTHROPIC_TOOLS": "Sum",
        "TOOLS, streamed": "Sum",
    }
