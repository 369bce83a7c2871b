"""LangChain's own tests for integrations, from its own venv (`make compat`), for three of its packages."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.compat.conftest import MODELS
from tests.compat.programs import OFFLINE, PROGRAMS, PYTHON, needs_python
from tests.support.cluster import Cluster


def call(name: str, **arguments: str | int) -> str:
    """A tool call as the model writes it, and nothing beside it."""
    written = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{written}\n</tool_call>"


COMMAND = (
    "pytest",
    "langchain_standard.py",
    "--rootdir=.",
    "--confcutdir=.",
    "-c/dev/null",
    "-pno:cacheprovider",
    "-q",
)
OPTIONS = ("asyncio_mode=auto", "asyncio_default_test_loop_scope=session", "asyncio_default_fixture_loop_scope=session")
"""The packages keep a client for all models, which belongs to one event loop."""
SCRIPT = {
    "What is the capital of France?": "The capital of France is Paris.",
    "user: Hello\n": "Hello, how can I help you?",
    "What is the value of magic_function(3)?": call("magic_function", input=3),
    "What is the value of magic_function_no_args()?": call("magic_function_no_args"),
    "Using the tool, generate a Pirate greeting.": call("greeting_generator", answer_style="pirate"),
    "What is the weather in San Francisco, CA?": call("get_weather", location="San Francisco, CA"),
    "'你好啊集团'": call("unicode_customer", customer_name="你好啊集团", description="a company"),
    "'こんにちは株式会社'": call("unicode_customer", customer_name="こんにちは株式会社", description="a company"),
    "It's sunny.": "It is sunny in San Francisco.",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElementTree.Element]:
    """What became of each test, as JUnit writes it."""
    folder = tmp_path_factory.mktemp("langchain")
    script, report = folder / "script.json", folder / "report.xml"
    script.write_text(json.dumps([{"after": after, "say": say} for after, say in SCRIPT.items()]))
    env = {"CARAVAN_FAKE_SCRIPT": str(script), "CARAVAN_FAKE_STEP_SECONDS": "0.001"}
    running = Cluster(folder, models=f"{MODELS}  scripted: {{path: fake, context: 4096}}\n", env=env)
    running.start()
    try:
        command = [
            str(PYTHON / COMMAND[0]),
            *COMMAND[1:],
            *(f"-o{option}" for option in OPTIONS),
            f"--junitxml={report}",
        ]
        own = {**os.environ, **OFFLINE, "CARAVAN_URL": running.url}
        ran = subprocess.run(command, cwd=PROGRAMS, env=own, capture_output=True, text=True, timeout=900)
        assert report.exists(), ran.stdout + ran.stderr
        yield ElementTree.parse(report).getroot()
    finally:
        running.stop()


@needs_python
@pytest.mark.timeout(1000)
@pytest.mark.parametrize(
    ("group", "least"),
    {
        "OpenAI": 35,
        "Responses": 35,
        "Anthropic": 35,
        "Ollama": 35,
        "OpenAIEmbeddings": 5,
        "OllamaEmbeddings": 5,
    }.items(),
)
def test_the_standard_tests_hold(results: ElementTree.Element, group: str, least: int) -> None:
    cases = [case for case in results.iter("testcase") if case.attrib["classname"].endswith(f".Test{group}")]
    failed = [
        f"{case.attrib['name']}: {part.attrib['message']}"
        for case in cases
        for part in case
        if part.tag in ("failure", "error")
    ]
    assert failed == []
    assert Counter(len(case) for case in cases)[0] >= least  # what is left out has a part that says why
