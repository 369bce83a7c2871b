"""Prompts that a model without a chat template continues: `caravan submit --raw` and `caravan bulk run --raw`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bulk import BulkCommand
from tests.support.cluster import Cluster
from tests.support.datasets import read, write
from tests.support.tiny_models import KINDS, SEEDS, Weights, write_gguf


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("raw")
    fields, tensors = KINDS["sliding"](Weights(SEEDS["sliding"]))
    write_gguf(folder / "plain.gguf", {n: v for n, v in fields.items() if n != "tokenizer.chat_template"}, tensors)
    models = f"models:\n  demo: {{path: demo}}\n  plain: {{path: {folder / 'plain.gguf'}, context: 512}}\n"
    running = Cluster(folder, models=models)
    running.start()
    yield running
    running.stop()


def submit(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "submit", *arguments], env={**os.environ, "CARAVAN_URL": cluster.url},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def completion(cluster: Cluster, prompt: str, max_tokens: int) -> str:
    asked = {"model": "plain", "prompt": prompt, "temperature": 0, "max_tokens": max_tokens}
    text: str = cluster.http.post("/v1/completions", json=asked).raise_for_status().json()["choices"][0]["text"]
    return text


def test_a_raw_prompt_is_continued_and_a_chat_is_told_how_to_be_one(cluster: Cluster) -> None:
    chat = submit(cluster, "-m", "plain", "the cat")
    assert chat.returncode == 1
    assert "This model has no chat template." in chat.stderr
    assert "The option for this is --raw." in chat.stderr
    raw = submit(cluster, "-m", "plain", "--raw", "--temperature", "0", "--max-tokens", "5", "the cat")
    assert (raw.returncode, raw.stdout) == (0, completion(cluster, "the cat", 5) + "\n")
    streamed = submit(
        cluster, "-m", "plain", "--raw", "--temperature", "0", "--max-tokens", "16", "--stream", "the cat"
    )
    assert streamed.stdout == completion(cluster, "the cat", 16) + "\n"
    assert "takes no --system" in submit(cluster, "-m", "plain", "--raw", "--system", "Be kind.", "the cat").stderr


def test_rows_are_continued_raw_and_a_run_without_a_template_stops_at_once(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"text": f"the {word}"} for word in ("cat", "dog", "sun")])
    asked = ["-m", "plain", "--prompt", "{{ text }}", "--max-tokens", "5"]
    refused = BulkCommand(cluster, source, tmp_path / "chat.csv", *asked)
    ended = refused.run()
    assert ended.returncode == 1
    assert "The option for this is --raw." in ended.stderr
    assert refused.num_done() == 0
    handed_in = BulkCommand(cluster, source, tmp_path / "chat.csv", *asked, "--no-wait").run()
    assert handed_in.returncode == 1
    assert "The option for this is --raw." in handed_in.stderr
    raw = BulkCommand(cluster, source, tmp_path / "raw.csv", *asked, "--raw").run()
    assert raw.returncode == 0, raw.stderr
    assert [row["answer"] for row in read(tmp_path / "raw.csv")] == [
        completion(cluster, f"the {word}", 5) for word in ("cat", "dog", "sun")
    ]
    both = BulkCommand(cluster, source, tmp_path / "both.csv", *asked, "--raw", "--system", "Be kind.").run()
    assert "--raw takes a prompt only" in both.stderr
