"""Batches while clerks, workers, the front and Redis die, while a clerk is frozen, and while the disk is full."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tasks.ledger import redis_keys
from tests.fault.batch_kills import Stage, faults, plan, write_lines
from tests.support.batches import Batches, jsonl, normalised, question, request
from tests.support.cluster import MARK
from tests.support.processes import Process
from tests.support.waiting import until

LINES = 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("batches")


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[Stage]:
    running = Stage(folder)
    yield running
    running.stop()


@pytest.fixture
def batches(stage: Stage) -> Batches:
    return stage.batches


def sums(count: int) -> list[dict[str, object]]:
    return [question(number, f"What is {number % 20} + {number % 7}?", seed=number) for number in range(count)]


@pytest.mark.timeout(300)
def test_whatever_is_killed_the_output_is_that_of_an_undisturbed_run(stage: Stage, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    write_lines(lines, LINES, tokens=4)
    calm = stage.run(lines, [], total=LINES)
    rough = stage.run(lines, plan(1, random.Random(3)), total=LINES)
    assert len(rough.kills) >= 2  # a small batch may end before the last ones
    assert faults(calm, rough, total=LINES) == []


@pytest.mark.timeout(200)
def test_a_clerk_that_was_taken_for_dead_writes_where_nobody_reads(
    stage: Stage, batches: Batches, folder: Path
) -> None:
    """It is frozen in the middle, another goes on, and then both run."""
    pid = stage.pid("clerk")
    content = jsonl(sums(900))
    batch_id = batches.create(content)
    batches.until(batch_id, lambda batch: batch["request_counts"]["completed"] > 0)
    os.kill(pid, signal.SIGSTOP)
    env = {name: value for name, value in _environment(pid).items() if name.startswith("CARAVAN_")}
    other = Process(["-m", "app.cli", "clerk"], env={**env, MARK: stage.cluster.mark}, log=folder / "second-clerk.log")
    other.start()
    try:
        frozen = batches.get(batch_id)["request_counts"]["completed"]
        batches.until(batch_id, lambda batch: batch["request_counts"]["completed"] > frozen)
        os.kill(pid, signal.SIGCONT)
        batch = batches.ended(batch_id)
    finally:
        os.kill(pid, signal.SIGCONT)
        other.stop(signal.SIGTERM)
    assert batch["request_counts"] == {"total": 900, "completed": 900, "failed": 0}
    lines = batches.lines(batch["output_file_id"])
    assert [line["custom_id"] for line in lines] == [f"row-{number}" for number in range(900)]
    until(lambda: "batch lost" in stage.cluster.log("clerk"), what="the first one has found that out")
    with redis.Redis(port=stage.server.port, decode_responses=True) as client:
        assert '"]' not in str(client.hget(redis_keys.file(batch["output_file_id"]), "parts"))
        assert str(client.hget(redis_keys.file(batch["output_file_id"]), "parts")).count("file-") == 2


def test_a_clerk_that_is_told_to_stop_puts_its_batch_back(stage: Stage, batches: Batches) -> None:
    batch_id = batches.create(jsonl(sums(900)))
    batches.until(batch_id, lambda batch: batch["request_counts"]["completed"] > 0)
    pid = stage.pid("clerk")
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{pid}").exists(), seconds=15, what="it has ended")
    assert time.monotonic() - began < 10
    assert batches.ended(batch_id)["request_counts"] == {"total": 900, "completed": 900, "failed": 0}


@pytest.mark.timeout(200)
def test_a_full_disk_stops_a_batch_until_there_is_room(stage: Stage, batches: Batches) -> None:
    """The clerk may write no file that is longer than some bytes, which is what it meets on a full disk."""
    whole = batches.content(batches.ended(batches.create(jsonl(sums(100))))["output_file_id"])
    pid = stage.pid("clerk")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (len(whole) // 2, resource.RLIM_INFINITY))
    try:
        batch_id = batches.create(jsonl(sums(100)))
        stalled = batches.until(batch_id, lambda batch: batch["progress"]["stalled"])
        assert (stalled["status"], stalled["progress"]["stalled"]["code"]) == ("in_progress", "storage_full")
        assert "The disk of the files is full" in stalled["progress"]["stalled"]["message"]
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    batch = batches.ended(batch_id)
    assert (batch["status"], batch["progress"]["stalled"]) == ("completed", None)
    assert normalised(batches.content(batch["output_file_id"])) == normalised(whole)


@pytest.mark.timeout(200)
def test_a_batch_whose_time_is_over_keeps_its_answers(stage: Stage, batches: Batches) -> None:
    story = {"model": "demo", "messages": [{"role": "user", "content": "Tell me a long story about a llama."}]}
    endless = {**story, "ignore_eos": True, "max_tokens": 300}
    long = [request(f"story-{number}", {**endless, "seed": number}) for number in range(100)]
    short = [question(number, "Count to 3.", seed=number) for number in range(5)]  # which is run before the stories
    batch_id = batches.create(jsonl([*short, *long]))
    batches.until(batch_id, lambda batch: batch["progress"]["answered"] >= 5, seconds=100)
    with redis.Redis(port=stage.server.port) as client:
        client.hset(redis_keys.batch(batch_id), "expires_at", 5)
    batch = batches.ended(batch_id)
    assert (batch["status"], batch["expired_at"] is not None) == ("expired", True)
    done, left = batches.lines(batch["output_file_id"]), batches.lines(batch["error_file_id"])
    assert [line["custom_id"] for line in done][:5] == [f"row-{number}" for number in range(5)]
    assert len(done) + len(left) == 105
    assert {line["error"]["code"] for line in left} == {"batch_expired"}


def test_an_input_that_is_gone_from_the_disk_is_told_of_and_nothing_ends(stage: Stage, batches: Batches) -> None:
    batch_id = batches.create(jsonl(sums(5)))
    (path,) = stage.files.glob(f"{batches.get(batch_id)['input_file_id']}.*")
    path.rename(path.with_suffix(".away"))
    stalled = batches.until(batch_id, lambda batch: batch["progress"]["stalled"] or batch["status"] == "completed")
    if stalled["status"] != "completed":  # it was faster than the clerk
        assert stalled["progress"]["stalled"]["code"] == "storage_failed"
    path.with_suffix(".away").rename(path)
    assert batches.ended(batch_id)["status"] == "completed"


def _environment(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)
