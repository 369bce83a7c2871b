"""Answers that are kept, of a real model: equal whatever was asked for, in batches, in bulk and while it sleeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import Batches, jsonl, question
from tests.support.bulk import BulkCommand
from tests.support.cluster import Cluster, chat
from tests.support.datasets import read, write
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192, answer_cache: 1h}
  sleeper: {path: demo, slots: 2, context: 512, answer_cache: 10m, keep_alive: 2, workers: {min: 0, max: 1}}
"""
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
ASKED: list[dict[str, Any]] = [
    chat("What is the capital of France?", temperature=0, max_tokens=20, logprobs=True, top_logprobs=2, n=2),
    chat("What is the weather in Oslo?", temperature=0, max_tokens=80, tools=[WEATHER], tool_choice="required"),
    chat("Count to 4.", temperature=0, max_tokens=30, response_format={"type": "json_object"}),
    chat("Tell me a story.", seed=7, temperature=1.2, max_tokens=40, stop=["llama"], logit_bias={"5": 2}),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"), models=MODELS)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def ask(cluster: Cluster, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.http.post("/v1/chat/completions", json=body).raise_for_status().json()
    return answer


def without_ids(choices: list[dict[str, Any]]) -> str:
    for choice in choices:
        for call in choice["message"].get("tool_calls") or ():
            call["id"] = "x"
    return json.dumps(choices)


@pytest.mark.parametrize("body", ASKED, ids=["logprobs", "tools", "schema", "drawn"])
def test_the_answer_is_the_one_that_was_made(cluster: Cluster, body: dict[str, Any]) -> None:
    first, again = ask(cluster, body), ask(cluster, body)
    assert "answer_cached" not in first["usage"]
    assert again["usage"]["answer_cached"] is True
    assert without_ids(again["choices"]) == without_ids(first["choices"])
    assert again["id"] != first["id"]


def test_rows_of_a_batch_and_of_a_data_set_get_it(cluster: Cluster, tmp_path: Path) -> None:
    text = "What is 3 + 4?"
    ask(cluster, chat(text, temperature=0))
    batches = Batches(cluster.http)
    batch = batches.ended(batches.create(jsonl([question(0, text), question(1, "What is 5 + 4?")])))
    output = cluster.http.get(f"/v1/files/{batch['output_file_id']}/content").text
    usages = [json.loads(line)["response"]["body"]["usage"] for line in output.splitlines()]
    assert [usage.get("answer_cached") for usage in usages] == [True, None]
    write(tmp_path / "in.jsonl", [{"a": 3}])
    before = cluster.figures()['caravan_answers_total{model="demo",result="hit"}']
    command = BulkCommand(cluster, tmp_path / "in.jsonl", tmp_path / "out.jsonl", "--prompt", "What is {{ a }} + 4?")
    assert command.run().returncode == 0
    assert [row["answer"] for row in read(command.output)] == ["3 + 4 = 7."]
    assert cluster.figures()['caravan_answers_total{model="demo",result="hit"}'] == before + 1


def test_a_model_that_sleeps_answers_and_goes_on_sleeping(cluster: Cluster) -> None:
    body = {**chat("Hello", temperature=0, max_tokens=8), "model": "sleeper"}
    first = ask(cluster, body)
    until(lambda: not cluster.pids_of("sleeper-1"), seconds=30, what="the model sleeps")
    again = ask(cluster, body)
    assert again["usage"]["answer_cached"] is True
    assert again["choices"] == first["choices"]
    assert cluster.pids_of("sleeper-1") == []
