"""The command `llm`, from its own venv (`make compat`): prompts, conversations, tools and schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compat.programs import PYTHON, needs_python, printed
from tests.support.cluster import Cluster

MODELS = """
- model_id: demo
  model_name: demo
  api_base: {url}/v1
  supports_tools: true
  supports_schema: true
"""
WEATHER = "def get_weather(city: str) -> str:\n    'The weather in a city.'\n    return 'sunny'\n"


@pytest.fixture
def folder(cluster: Cluster, tmp_path: Path) -> Path:
    (tmp_path / "extra-openai-models.yaml").write_text(MODELS.format(url=cluster.url))
    return tmp_path


def said(folder: Path, *words: str) -> str:
    env = {"LLM_USER_PATH": str(folder), "OPENAI_API_KEY": "none"}
    out = printed([str(PYTHON / "llm"), *words, "-m", "demo", "-o", "temperature", "0"], folder=folder, env=env)
    return out.strip()


@needs_python
def test_it_streams_answers_of_a_conversation(folder: Path) -> None:
    assert said(folder, "What is the capital of France?") == "The capital of France is Paris."
    assert said(folder, "What is 12 + 7?", "--continue") == "12 + 7 = 19."


@needs_python
def test_it_runs_a_tool_and_tells_its_result(folder: Path) -> None:
    assert said(folder, "What is the weather in Paris?", "--functions", WEATHER).endswith("It is sunny in Paris.")


@needs_python
@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_an_answer_fills_a_schema(folder: Path, more: list[str]) -> None:
    assert list(json.loads(said(folder, "What is 12 + 7?", "--schema", "value int", *more))) == ["value"]
