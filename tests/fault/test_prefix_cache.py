"""A worker that keeps prefixes beyond the cells is killed: nothing is lost, and what its folder has comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import sse
from tests.support.cluster import Cluster
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 2, context: 1024, kv_tokens: 1024, prefix_cache: {memory: 64MiB, folder: demo, disk: 1G}}
  keeping:
    path: fake
    slots: 2
    context: 1024
    kv_tokens: 1024
    prefix_cache: {memory: 32MiB, folder: kept, disk: 64MiB}
  plain: {path: fake, slots: 2, context: 1024, kv_tokens: 1024}
"""
PAGE = 64
LABELS = '{model="keeping",worker="keeping-1"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefixes")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    running = Cluster(folder, models=MODELS, env={"CARAVAN_FAKE_STEP_SECONDS": "0.005"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def prompt(number: int) -> str:
    return f"Conversation {number}. " + f"It is about the number {number}, and about llamas. " * 10


def complete(cluster: Cluster, number: int, *, model: str = "keeping") -> dict[str, Any]:
    body = {"model": model, "prompt": prompt(number), "max_tokens": 20, "temperature": 0, "ignore_eos": True}
    answer = cluster.http.post("/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    return {"text": answer.json()["choices"][0]["text"], **answer.json()["usage"]["prompt_tokens_details"]}


def files(folder: Path) -> list[Path]:
    return sorted((folder / "kept" / "pages").glob("*.page"))


def test_conversations_come_back_after_others_with_the_same_texts(cluster: Cluster, folder: Path) -> None:
    first = [complete(cluster, number) for number in range(12)]
    again = [complete(cluster, number) for number in range(12)]
    plain = [complete(cluster, number, model="plain") for number in range(12)]
    assert [each["text"] for each in first] == [each["text"] for each in again] == [each["text"] for each in plain]
    assert all(each["cached_tokens"] < PAGE for each in first)
    assert all(each["cached_tokens"] >= len(prompt(0)) // PAGE * PAGE for each in again)
    figures = until(lambda: _figures(cluster, "cache_hits_total", 10), what="the next report")
    assert 0 < figures[f"caravan_worker_cache_bytes{LABELS}"] <= 32 << 20
    assert figures[f"caravan_worker_cache_folder_bytes{LABELS}"] == sum(file.stat().st_size for file in files(folder))


def test_so_do_those_of_a_real_model_also_after_its_death(cluster: Cluster) -> None:
    first = [complete(cluster, number, model="demo") for number in range(6)]
    again = [complete(cluster, number, model="demo") for number in range(6)]
    cluster.kill("demo-1")
    later = [complete(cluster, number, model="demo") for number in range(6)]
    assert [each["cached_tokens"] >= PAGE for each in first] == [False] * 6
    assert all(each["cached_tokens"] >= 2 * PAGE for each in (*again, *later))


def test_a_killed_worker_loses_no_job_and_no_prefix_that_is_written(cluster: Cluster) -> None:
    before = complete(cluster, 3)
    body = {"model": "keeping", "prompt": prompt(99), "max_tokens": 400, "temperature": 0, "ignore_eos": True}
    job_id = cluster.submit(body)["id"]
    text, killed = "", False
    for received in sse.read(cluster.http, job_id):
        if received.event == "token":
            text += received.data["text"]
            if len(text) > 150 and not killed:
                cluster.kill("keeping-1")
                killed = True
    job = cluster.job(job_id, wait=30)
    assert (job["status"], job["result"]["choices"][0]["text"]) == ("succeeded", text)
    assert len(text) == 400
    after = complete(cluster, 3)
    assert after["text"] == before["text"]
    assert after["cached_tokens"] >= len(prompt(3)) // PAGE * PAGE


def test_torn_files_are_refused_deleted_and_counted_and_cost_nothing_else(cluster: Cluster, folder: Path) -> None:
    before = complete(cluster, 5)
    cluster.kill("keeping-1")
    torn = files(folder)
    for file in torn:
        file.write_bytes(file.read_bytes()[:-9])
    after = complete(cluster, 5)
    assert (after["text"], after["cached_tokens"]) == (before["text"], 0)
    until(lambda: _figures(cluster, "cache_refused_total", 1), what="the next report")
    assert complete(cluster, 5)["cached_tokens"]


def _figures(cluster: Cluster, name: str, least: int) -> dict[str, float] | None:
    figures = cluster.figures()
    return figures if figures.get(f"caravan_worker_{name}{LABELS}", 0) >= least else None
