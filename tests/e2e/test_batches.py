"""Batches through a real cluster: OpenAI's client unmodified, bad lines, and what goes beyond OpenAI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.batches import Batches, jsonl, question, request, texts
from tests.support.cluster import Cluster
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}
  vectors: {path: fake, kind: embedding, context: 512}
  scores: {path: fake, kind: rerank, context: 512}
  slow: {path: fake, slots: 4, context: 512}
"""
SUMS = [question(number, f"What is {number} + 5?", max_tokens=16) for number in range(40)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("batches"), models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture
def batches(cluster: Cluster) -> Batches:
    return Batches(cluster.http)


@pytest.fixture
def client(cluster: Cluster) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def slow(number: int, *, tokens: int = 50) -> dict[str, Any]:
    """A line that takes a second for fifty tokens, on four slots."""
    body = {"model": "slow", "messages": [{"role": "user", "content": f"x{number}"}], "max_tokens": tokens}
    return request(f"row-{number}", {**body, "ignore_eos": True, "temperature": 0})


def jobs_left(cluster: Cluster) -> int:
    """Jobs of batches that are still in the ledger."""
    found = cluster.http.get("/jobs", params={"limit": 100}).json()["data"]
    return len([job for job in found if job["priority"] == "low"])


def is_idle(cluster: Cluster, model: str) -> bool:
    """Whether no job of the model waits or runs."""
    (queue,) = (each for each in cluster.http.get("/queues").json()["data"] if each["model"] == model)
    return bool(queue["depth"] + queue["running"] == 0)


def test_openais_flow_upload_create_poll_download_list(client: openai.OpenAI, cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(jsonl(SUMS))
    with path.open("rb") as opened:
        file = client.files.create(file=opened, purpose="batch")
    assert (file.filename, file.bytes, file.purpose) == ("requests.jsonl", path.stat().st_size, "batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "nightly"}
    )
    assert (batch.object, batch.metadata, batch.errors) == ("batch", {"run": "nightly"}, None)
    until(lambda: client.batches.retrieve(batch.id).status == "completed", seconds=90, what="it is completed")
    batch = client.batches.retrieve(batch.id)
    assert batch.request_counts is not None
    assert batch.usage is not None
    assert (batch.request_counts.completed, batch.request_counts.failed, batch.request_counts.total) == (40, 0, 40)
    assert (batch.error_file_id, batch.usage.output_tokens > 40 * 5) == (None, True)
    assert batch.created_at <= (batch.in_progress_at or 0) <= (batch.completed_at or 0) <= (batch.expires_at or 0)
    assert batch.output_file_id is not None
    text = client.files.content(batch.output_file_id).text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["custom_id"] for line in lines] == [f"row-{number}" for number in range(40)]
    assert texts(lines)["row-7"] == "7 + 5 = 12."
    assert {(line["error"], line["response"]["status_code"]) for line in lines} == {(None, 200)}
    output = client.files.retrieve(batch.output_file_id)
    assert (output.purpose, output.bytes) == ("batch_output", len(text))
    assert batch.id in [each.id for each in client.batches.list(limit=1)]
    assert {file.id, output.id} <= {each.id for each in client.files.list(limit=2)}
    assert [each.id for each in client.files.list(purpose="batch_output", limit=1)][:1] == [output.id]
    assert client.files.delete(output.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(output.id)
    assert jobs_left(cluster) == 0


def test_a_file_with_bad_lines_fails_as_a_whole_and_each_is_told_of(client: openai.OpenAI, batches: Batches) -> None:
    lines: list[dict[str, Any] | str] = [
        SUMS[0],
        "{not json",
        SUMS[0],
        question(2, "Hello", model="none"),
        {**SUMS[3], "url": "/v1/embeddings"},
        {**SUMS[4], "method": "GET"},
        SUMS[5],
    ]
    batch_id = batches.create(jsonl(lines))
    batches.ended(batch_id)
    batch = client.batches.retrieve(batch_id)
    assert (batch.status, batch.output_file_id, batch.failed_at is not None) == ("failed", None, True)
    assert batch.errors is not None
    assert [(error.line, error.code, error.param) for error in batch.errors.data or ()] == [
        (2, "invalid_json_line", None),
        (3, "duplicate_custom_id", "custom_id"),
        (4, "model_not_found", "body.model"),
        (5, "mismatched_url", "url"),
        (6, "invalid_method", "method"),
    ]


def test_a_bad_body_fails_its_own_line_alone(batches: Batches) -> None:
    bad = [
        question(100, "Hello", temperature=9),
        question(101, "Hello", unheard_of=1),
        question(102, "Hello", stream=True),
        question(103, "x" * 9000),
        request("row-104", {"model": "vectors", "messages": [{"role": "user", "content": "x"}]}),
    ]
    batch = batches.ended(batches.create(jsonl([SUMS[1], *bad, SUMS[2]])))
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 7, "completed": 2, "failed": 5})
    assert texts(batches.lines(batch["output_file_id"])) == {"row-1": "1 + 5 = 6.", "row-2": "2 + 5 = 7."}
    errors = batches.lines(batch["error_file_id"])
    assert [
        (line["custom_id"], line["response"]["status_code"], line["response"]["body"]["error"]["param"], line["error"])
        for line in errors
    ] == [
        ("row-100", 400, "temperature", None),
        ("row-101", 400, "unheard_of", None),
        ("row-102", 400, "stream", None),
        ("row-103", 400, "messages", None),
        ("row-104", 400, "model", None),
    ]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("/v1/completions", {"model": "demo", "prompt": "The capital of France is", "max_tokens": 4, "temperature": 0}),
        ("/v1/embeddings", {"model": "vectors", "input": ["A fox.", "A dog."]}),
        ("/v1/rerank", {"model": "scores", "query": "a red fox", "documents": ["a dog", "a red dog"], "top_n": 1}),
        ("/v1/responses", {"model": "demo", "input": "What is 12 + 7?", "temperature": 0, "metadata": {"a": "b"}}),
    ],
)
def test_every_endpoint_answers_as_it_does_by_itself(
    cluster: Cluster, batches: Batches, endpoint: str, body: dict[str, Any]
) -> None:
    batch = batches.ended(batches.create(jsonl([request("a", body, url=endpoint)]), endpoint=endpoint))
    assert batch["status"] == "completed", batch
    (line,) = batches.lines(batch["output_file_id"])
    alone = cluster.http.post(endpoint, json=body).json()
    for varies in ("id", "created", "created_at", "completed_at", "usage", "timings"):
        alone.pop(varies, None)
        line["response"]["body"].pop(varies, None)
    assert _without_ids(line["response"]["body"]) == _without_ids(alone)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(each) for name, each in value.items() if name != "id"}
    return [_without_ids(each) for each in value] if isinstance(value, list) else value


def test_lines_that_ask_the_same_are_answered_once(cluster: Cluster, batches: Batches) -> None:
    before = cluster.accepted()
    lines = [{**question(0, "What is the capital of Italy?"), "custom_id": f"row-{number}"} for number in range(300)]
    batch = batches.ended(batches.create(jsonl(lines)))
    found = batches.lines(batch["output_file_id"])
    assert texts(found) == {f"row-{number}": "The capital of Italy is Rome." for number in range(300)}
    assert len({line["id"] for line in found}) == 300
    assert cluster.accepted() - before == 1


def test_the_output_can_be_read_while_it_grows(batches: Batches) -> None:
    batch_id = batches.create(jsonl([slow(number) for number in range(40)]))
    first = batches.until(batch_id, lambda batch: batch["output_file_id"] and batch["status"] == "in_progress")
    seen = batches.content(first["output_file_id"])
    assert seen.endswith(b"\n")
    batch = batches.ended(batch_id)
    whole = batches.content(batch["output_file_id"])
    assert batch["output_file_id"] == first["output_file_id"]
    assert (whole.startswith(seen), len(whole.splitlines())) == (True, 40)
    assert whole == seen + batches.content(batch["output_file_id"], Range=f"bytes={len(seen)}-")


def test_a_cancelled_batch_keeps_its_answers_and_tells_of_the_rest(cluster: Cluster, batches: Batches) -> None:
    batch_id = batches.create(jsonl([slow(number, tokens=100) for number in range(60)]))
    batches.until(batch_id, lambda batch: batch["progress"]["answered"] >= 4)
    asked = batches.ask(batch_id, "cancel")
    assert asked.json()["status"] in ("cancelling", "cancelled")
    batch = batches.ended(batch_id)
    assert (batch["status"], batch["cancelled_at"] is not None) == ("cancelled", True)
    done, left = batches.lines(batch["output_file_id"]), batches.lines(batch["error_file_id"])
    assert 4 <= len(done) < 60
    assert len(done) + len(left) == 60
    assert {(line["response"], line["error"]["code"]) for line in left} == {(None, "batch_cancelled")}
    assert batch["request_counts"] == {"total": 60, "completed": len(done), "failed": len(left)}
    assert batch["progress"]["answered"] == len(done)
    assert batches.ask(batch_id, "cancel").status_code == 409
    assert jobs_left(cluster) == 0
    until(lambda: is_idle(cluster, "slow"), what="nothing runs on for nobody")


def test_what_has_failed_is_run_again_and_no_other(batches: Batches) -> None:
    lines = [*SUMS[:6], question(90, "Hello", temperature=9), *(slow(number, tokens=100) for number in range(20, 50))]
    batch_id = batches.create(jsonl(lines))
    batches.until(batch_id, lambda batch: batch["progress"]["answered"] >= 9)
    batches.ask(batch_id, "cancel")
    before = batches.ended(batch_id)
    earlier = batches.lines(before["output_file_id"])
    again = batches.ask(batch_id, "retry").json()
    assert (again["status"], again["progress"]["round"], again["cancelled_at"]) == ("in_progress", 2, None)
    batch = batches.ended(batch_id)
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 37, "completed": 36, "failed": 1})
    found = batches.lines(batch["output_file_id"])
    assert [line["custom_id"] for line in found] == [
        line["custom_id"] for line in lines if line["custom_id"] != "row-90"
    ]
    assert {line["custom_id"]: line for line in earlier}.items() <= {line["custom_id"]: line for line in found}.items()
    assert batch["usage"]["output_tokens"] == sum(
        line["response"]["body"]["usage"]["completion_tokens"] for line in found
    )
    refused = batches.ask(batches.ended(batches.create(jsonl(SUMS[:2])))["id"], "retry")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "batch_not_failed")


def test_a_paused_batch_stands_still_and_goes_on(cluster: Cluster, batches: Batches) -> None:
    batch_id = batches.create(jsonl([slow(number) for number in range(40)]))
    batches.until(batch_id, lambda batch: batch["progress"]["answered"] >= 1)
    assert batches.ask(batch_id, "pause").json()["paused_at"] is not None

    until(lambda: is_idle(cluster, "slow"), what="what was under way has come to its end")
    done = batches.get(batch_id)["request_counts"]["completed"]
    assert done < 40
    other = batches.ended(batches.create(jsonl(SUMS[:3])))  # another goes on meanwhile
    assert other["status"] == "completed"
    paused = batches.get(batch_id)
    assert (paused["status"], paused["request_counts"]["completed"]) == ("in_progress", done)
    assert batches.ask(batch_id, "resume").json()["paused_at"] is None
    assert batches.ended(batch_id)["request_counts"]["completed"] == 40


def test_more_batches_than_may_run_at_once_all_end(batches: Batches) -> None:
    ids = [batches.create(jsonl(SUMS[number : number + 5])) for number in range(7)]
    for number, batch_id in enumerate(ids):
        batch = batches.ended(batch_id)
        assert list(texts(batches.lines(batch["output_file_id"]))) == [
            f"row-{each}" for each in range(number, number + 5)
        ]


def test_who_waits_for_an_answer_goes_first(cluster: Cluster, batches: Batches) -> None:
    batch_id = batches.create(jsonl([slow(number) for number in range(60)]))
    batches.until(batch_id, lambda batch: batch["progress"]["answered"] >= 1)
    body = {"model": "slow", "messages": [{"role": "user", "content": "now"}], "max_tokens": 5, "priority": "high"}
    job = cluster.submit(body, Prefer="wait=20")
    assert job["status"] == "succeeded"
    assert batches.get(batch_id)["status"] == "in_progress"
    assert batches.ended(batch_id)["request_counts"]["completed"] == 60


def test_the_command_shows_watches_and_asks(cluster: Cluster, batches: Batches) -> None:
    def caravan(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "batches", *arguments],
            env={**os.environ, "CARAVAN_URL": cluster.url}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    batch_id = batches.create(jsonl([*SUMS[:3], question(9, "Hello", temperature=9)]))
    watched = caravan("watch", batch_id)
    assert watched.returncode == 0, watched.stderr
    assert "completed, 4 of 4 lines, 1 failed" in watched.stdout
    assert f"caravan batches fetch {batch_id} -o" in watched.stdout
    assert batch_id in caravan("status").stdout
    assert json.loads(caravan("status", batch_id, "--json").stdout)["id"] == batch_id
    assert caravan("retry", batch_id).stdout == f"{batch_id} in_progress\n"
    assert batches.ended(batch_id)["progress"]["round"] == 2
    assert "cannot cancel" in caravan("cancel", batch_id).stderr
    failed = batches.create(jsonl(["{"]))
    watched = caravan("watch", failed)
    assert (watched.returncode, "line 1: This line is not parseable" in watched.stderr) == (1, True)
    assert "no batch" in caravan("pause", "batch_none").stderr


def test_a_large_file_is_uploaded_in_a_stream(batches: Batches, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        for number in range(40_000):
            file.write(jsonl([question(number, "x" * 500)]))
    uploaded = batches.upload(path)
    assert uploaded["bytes"] == path.stat().st_size > 20 << 20
    assert batches.content(uploaded["id"]) == path.read_bytes()
    assert batches.http.delete(f"/v1/files/{uploaded['id']}").json()["deleted"]


def test_the_command_makes_a_batch_of_a_file_and_fetches_its_output(
    cluster: Cluster, batches: Batches, tmp_path: Path
) -> None:
    def caravan(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "batches", *arguments], cwd=tmp_path,
            env={**os.environ, "CARAVAN_URL": cluster.url}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    (tmp_path / "in.jsonl").write_bytes(jsonl([*SUMS[:3], question(9, "Hello", temperature=9)]))
    made = caravan("create", "in.jsonl", "-o", "out.jsonl")
    assert made.returncode == 0, made.stderr
    batch = batches.ended(made.stdout.strip())
    assert "completed, 4 of 4 lines, 1 failed" in made.stderr
    assert (tmp_path / "out.jsonl").read_bytes() == batches.content(batch["output_file_id"])
    assert (tmp_path / "out.errors.jsonl").read_bytes() == batches.content(batch["error_file_id"])
    left = caravan("create", "in.jsonl", "--window", "2h")
    assert left.returncode == 0, left.stderr
    assert batches.ended(left.stdout.strip())["completion_window"] == "2h"
    (tmp_path / "in.jsonl").write_bytes(jsonl(SUMS[:3]))
    good = caravan("create", "in.jsonl", "--wait").stdout.strip()
    assert caravan("fetch", good, "-o", "out.jsonl").returncode == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert not (tmp_path / "out.errors.jsonl").exists(), "those of another batch are not this one's"
    before = {file["id"] for file in batches.http.get("/v1/files").json()["data"]}
    refused = caravan("create", "in.jsonl", "--window", "3y")
    assert (refused.returncode, "--window" in refused.stderr, "completion_window" in refused.stderr) == (2, True, False)
    (tmp_path / "in.jsonl").write_text("a,b\n1,2\n")
    assert "in.jsonl, line 1, is not JSON." in caravan("create", "in.jsonl").stderr
    assert {file["id"] for file in batches.http.get("/v1/files").json()["data"]} == before
