"""A library that fails is found out before a job is claimed, whatever way it fails, and no job is blamed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.broken_library import breaking, broken_library
from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 4, context: 1024, kv_tokens: 4096}
  ailing: {path: demo, slots: 4, context: 1024, kv_tokens: 4096}
"""
WAYS = {
    "dies": ("decode", "died by SIGSEGV"),
    "dies in prefill": ("prefill", "died by SIGILL"),
    "dies with several": ("batch", "died by SIGABRT"),
    "gives NaN": ("decode", "logits are not finite"),
    "gives noise": ("batch", "came out differently"),
    "refuses": ("decode", "llama_decode returned -3"),
    "hangs": ("decode", "hangs"),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return broken_library(tmp_path_factory.mktemp("library"))


def proven(**env: str) -> dict[str, Any]:
    """What `--prove` tells of the demo model."""
    command = [sys.executable, "-m", "tasks.worker", "demo", "--prove"]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    return told


def test_a_sound_library_passes(library: Path) -> None:
    assert proven(**breaking(library, "nothing"))["ok"]


@pytest.mark.parametrize("how", WAYS)
def test_the_self_test_finds_a_library_that(library: Path, how: str) -> None:
    phase, words = WAYS[how]
    quick = {"CARAVAN_STUCK_SECONDS": "1"} if words == "hangs" else {}
    told = proven(**breaking(library, how, **quick))
    assert (told["ok"], told["phase"]) == (False, phase)
    assert words in told["reason"]
    assert "caravan doctor" in told["reason"], "it says what to do"


@pytest.fixture
def cluster(library: Path, tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, models=MODELS, env=breaking(library, "dies", model="ailing"))
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def test_a_model_that_cannot_run_says_so_and_the_others_go_on(cluster: Cluster) -> None:
    until(lambda: model(cluster, "ailing")["state"] == "failed", seconds=30, what="the model has failed")
    reason = model(cluster, "ailing")["reason"]
    assert "self-test" in reason
    assert "SIGSEGV" in reason
    assert model(cluster, "demo")["state"] == "loaded"
    ready = cluster.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["models"] == {"demo": {"state": "loaded"}, "ailing": {"state": "failed", "reason": reason}}
    assert cluster.figures()['caravan_model_failed{model="ailing"}'] == 1

    for path, body in (("/jobs", chat("Hi")), ("/v1/chat/completions", chat("Hi"))):
        refused = cluster.http.post(path, json={**body, "model": "ailing"})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json()["error"]["code"] == "model_failed"
        assert reason in refused.json()["error"]["message"]
    answer = cluster.submit(chat("What is the capital of Japan?"), Prefer="wait=30")
    assert answer["result"]["choices"][0]["message"]["content"] == "The capital of Japan is Tokyo."
    assert cluster.http.get("/jobs", params={"dead_letter": True}).json()["data"] == []


def test_a_job_that_came_before_the_failure_was_known_is_told_so(library: Path, tmp_path: Path) -> None:
    env = breaking(library, "hangs", model="ailing", CARAVAN_STUCK_SECONDS="8")
    cluster = Cluster(tmp_path, models=MODELS, env=env)
    cluster.process.start()
    try:
        until(lambda: ready(cluster), seconds=60, what="the front accepts jobs")
        early = cluster.submit({**chat("Hi"), "model": "ailing"})
        assert model(cluster, "ailing")["state"] in ("asleep", "loading")
        patient = cluster.submit({**chat("Hi"), "model": "ailing", "priority": "low"})
        until(lambda: model(cluster, "ailing")["state"] == "failed", seconds=30, what="the model has failed")
        told = until(lambda: (job := cluster.job(early["id"], wait=5))["status"] == "failed" and job, seconds=60)
        assert told["error"]["code"] == "model_failed"
        assert "hangs" in told["error"]["message"]
        assert cluster.job(patient["id"])["status"] == "queued", "batches wait until it is mended"
        assert cluster.http.get("/jobs", params={"dead_letter": True}).json()["data"] == []
    finally:
        cluster.stop()


def test_a_model_that_dies_of_every_job_is_to_blame_and_not_the_jobs(library: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    cluster = Cluster(tmp_path, env=breaking(library, "dies of jobs", BROKEN_FILE=str(broken)))
    cluster.start()
    try:
        until(lambda: model(cluster, "demo")["state"] == "loaded", what="it is ready")
        broken.touch()
        jobs = [cluster.submit(chat(f"What is {number} + 4?")) for number in range(6)]
        until(lambda: model(cluster, "demo")["state"] == "failed", seconds=60, what="the model has failed")
        assert {cluster.job(job["id"])["status"] for job in jobs} <= {"queued", "running"}
        assert cluster.http.get("/jobs", params={"dead_letter": True}).json()["data"] == []
        broken.unlink()
        for job in jobs:
            assert cluster.job(job["id"], wait=60)["status"] == "succeeded"
        assert model(cluster, "demo")["state"] == "loaded"
    finally:
        cluster.stop()


def ready(cluster: Cluster) -> bool:
    try:
        return cluster.http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def model(cluster: Cluster, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in cluster.http.get("/models").json()["data"] if each["id"] == name)
    return found
