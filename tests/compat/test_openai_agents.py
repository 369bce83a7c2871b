"""`openai-agents`, from its own venv (`make compat`): agents with tools, sessions and typed outputs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import needs_python, seen_by_python
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def seen(cluster: Cluster) -> dict[str, Any]:
    return seen_by_python("with_openai_agents.py", cluster.url)


@needs_python
@pytest.mark.parametrize("interface", ["responses", "chat"])
def test_an_agent_calls_its_tool_streams_remembers_and_fills_a_type(seen: dict[str, Any], interface: str) -> None:
    told = seen[interface]
    assert told["tool"] == told["streamed"] == "It is sunny in Paris."
    assert told["items"] == ["tool_call_item", "tool_call_output_item", "message_output_item"]
    assert told["pieces"]
    assert told["turns"][0] == "12 + 7 = 19."
    assert told["turns"][1].startswith("1 + 2 = ")
    assert told["typed"] == "int"
