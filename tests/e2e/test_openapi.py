"""The API does what its document says, to callers with a key. `make schemathesis` asks more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.batches import Batches, jsonl, question
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY, bearer

HOUSE = Path(__file__).parents[2]
CASES = os.environ.get("CARAVAN_TEST_CASES")
"""Of each call; without it the short form."""
SEED = os.environ.get("CARAVAN_TEST_SEED", "1")
SHORT = ["--phases", "examples,fuzzing,stateful", "--max-examples", "10"]
MODELS = """
models:
  demo: {path: demo, slots: 8, context: 128, kv_tokens: 1024}
  vectors: {path: fake, kind: embedding, slots: 64, context: 128}
  scores: {path: fake, kind: rerank, slots: 64, context: 128}
  aside: {path: fake, workers: {min: 0}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    env = {"CARAVAN_MAX_WAIT_SECONDS": "1", "CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY}
    running = Cluster(tmp_path_factory.mktemp("openapi"), models=MODELS, env=env)
    running.http.headers.update(bearer(ADMIN_KEY))
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture(scope="module")
def document(cluster: Cluster) -> dict[str, Any]:
    made: dict[str, Any] = cluster.http.get("/openapi.json").json()
    return made


def test_every_example_is_answered_as_the_document_says(cluster: Cluster, document: dict[str, Any]) -> None:
    uploaded = Batches(cluster.http).upload(jsonl([question(1, "What is 1 + 1?", max_tokens=8)]))
    tried = 0
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody")
        for name, example in (
            body["content"].get("application/json", {"examples": {}})["examples"].items() if body else ()
        ):
            if "input_file_id" in example["value"]:
                example["value"]["input_file_id"] = uploaded["id"]
            called = path.replace("{model}", "demo")
            response = cluster.http.post(called, json=example["value"], headers={"Prefer": "wait=10"})
            if path == "/infill":  # the demo model was not made for it
                assert response.json()["error"]["message"].startswith("This model fills no gaps")
                continue
            assert response.status_code in (200, 201) or path == "/jobs", f"{path}, {name}: {response.text}"
            answer = methods["post"]["responses"][str(response.status_code)]
            kind = response.headers["Content-Type"].partition(";")[0]
            assert kind == _kind(example["value"], answer["content"])
            schema = {**answer["content"][kind]["schema"], "components": document["components"]}
            if kind == "application/json":
                jsonschema.Draft202012Validator(schema).validate(response.json())
            assert all(
                name in response.headers for name, header in answer["headers"].items() if header.get("required", True)
            )
            tried += 1
    assert tried > 10


def _kind(body: Any, content: dict[str, Any]) -> str:
    """The content type with which a body is answered. Ollama streams if it is not asked not to."""
    streams = body.get("stream") if isinstance(body, dict) else False
    if "application/x-ndjson" in content and ("messages" in body or "prompt" in body):
        return "application/json" if streams is False else "application/x-ndjson"
    return "text/event-stream" if streams else "application/json"


def test_the_api_keeps_its_word(cluster: Cluster, tmp_path: Path) -> None:
    """All of schemathesis' checks, on requests that it makes of the document."""
    report = tmp_path / "report.json"
    program = Path(sys.executable).with_name("schemathesis")
    command: list[str | Path] = [program, "--no-color", "--config-file", "tests/support/schemathesis.toml"]
    command += ["run", f"{cluster.url}/openapi.json", "--seed", SEED, "--checks", "all", "--warnings", "off"]
    command += ["--header", f"Authorization: Bearer {ADMIN_KEY}"]
    command += ["--max-examples", CASES] if CASES else SHORT
    command += ["--report", "json", "--report-json-path", str(report)]
    ran = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)
    print(ran.stdout)  # noqa: T201 - the figures, with -s, or of a failure
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
