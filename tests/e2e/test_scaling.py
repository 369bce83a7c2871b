"""Workers that come and go by demand, as `caravan up` starts and stops them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

SLEEPS = "models: {demo: {path: demo, slots: 4, context: 1024, workers: {min: 0, max: 3}, keep_alive: 1s}}"
QUESTION = "What is the capital of France?"


def cluster(folder: Path, models: str, *, options: Sequence[str] = (), **env: str) -> Cluster:
    """One that is up, whatever its models do."""
    made = Cluster(folder, models=models, env=env, options=["--no-flower", *options])
    made.process.start()
    until(lambda: "Caravan is up." in made.process.output(), seconds=60, what="the cluster is up")
    return made


def state(made: Cluster, name: str = "demo") -> dict[str, Any]:
    models: list[dict[str, Any]] = made.http.get("/models").json()["data"]
    return next(model for model in models if model["id"] == name)


def names(made: Cluster) -> set[str]:
    """Workers that run."""
    found = set()
    for pid in made.pids_of("tasks.worker"):
        with contextlib.suppress(OSError, ValueError):
            arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            found.add(arguments[arguments.index("--name") + 1])
    return found


def submit_many(made: Cluster, bodies: list[dict[str, Any]]) -> list[str]:
    answer = made.http.post("/jobs", json=bodies).json()["data"]
    assert all(each["error"] is None for each in answer), answer
    return [each["id"] for each in answer]


def succeed(made: Cluster, ids: list[str], *, seconds: float) -> None:
    """Wait for the ends of jobs, all of which succeed."""
    left = set(ids)

    def have_ended() -> bool:
        for job_id in list(left)[:50]:
            job = made.job(job_id)
            if job["finished_at"]:
                assert job["status"] == "succeeded", job
                left.discard(job_id)
        return not left

    until(have_ended, seconds=seconds, what="every job has ended")


def decisions(made: Cluster, action: str = "") -> list[str]:
    """Lines that `caravan up` printed of workers that start, stop or make room."""
    words = (f" {action}: ",) if action else (" starts: ", " stops: ", " makes room: ")
    return [line for line in made.process.output().splitlines() if any(word in line for word in words)]


def asleep(made: Cluster) -> Callable[[], bool]:
    return lambda: state(made)["state"] == "asleep" and not made.pids_of("tasks.worker")


def test_a_look_at_its_properties_keeps_no_model_awake(tmp_path: Path) -> None:
    made = cluster(tmp_path, SLEEPS)
    try:
        assert made.http.post("/completion", json={"prompt": "Hi", "n_predict": 1}).status_code == 200
        template = made.http.get("/props").json()["chat_template"]
        until(lambda: made.http.get("/props").json()["is_sleeping"], seconds=30, what="it sleeps")
        assert made.http.get("/props").json()["chat_template"] == template != ""
        until(asleep(made), seconds=30, what="it stays so")
        assert [each["action"] for each in state(made)["decisions"]] == ["stop", "start"]
    finally:
        assert made.stop() == 0


def test_a_model_sleeps_wakes_for_a_job_and_leaves_nothing_behind(tmp_path: Path) -> None:
    made = cluster(tmp_path, SLEEPS)
    try:
        assert state(made)["state"] == "asleep"
        ledger, seen = redis.Redis.from_url(made.redis_url()), []
        for _ in range(2):
            job = made.submit(chat(QUESTION))
            job = made.job(job["id"], wait=40)
            assert job["status"] == "succeeded", job
            made.http.post("/jobs/delete", json={"ids": [job["id"]]})
            until(asleep(made), seconds=30, what="it sleeps again")
            seen.append((len(made.processes()), len(ledger.keys("*"))))
        assert seen[0] == seen[-1]
        until(lambda: len(state(made)["decisions"]) == 4, seconds=10, what="the last decision is recorded")
        decisions = state(made)["decisions"]
        assert [each["action"] for each in decisions] == ["stop", "start"] * 2
        assert decisions[0]["reason"] == "no job came for 1 s (keep_alive)"
        assert made.process.output().count("demo-1 starts: 1 job waits.") == 2
    finally:
        assert made.stop() == 0
    assert made.processes() == []


def test_models_that_do_not_fit_together_take_turns_and_lose_no_job(tmp_path: Path) -> None:
    models = """models:
  demo: {path: demo, slots: 4, context: 1024, workers: {min: 0, max: 2}, keep_alive: 60s}
  second: {path: demo, slots: 2, context: 512, workers: {min: 1, max: 2}, keep_alive: 60s}
  third: {path: demo, slots: 3, context: 256, workers: {min: 0, max: 1}, keep_alive: 60s}
"""
    made = cluster(tmp_path, models, CARAVAN_MEMORY_BUDGET="200M")  # of one worker, each of which takes 120 or more
    try:
        ids = []
        for model in ("demo", "third", "second"):
            ids += submit_many(made, [chat("Tell me a story about a llama.", max_tokens=40) | {"model": model}] * 6)
            until(lambda model=model: state(made, model)["state"] == "loaded", seconds=40, what=model)  # type: ignore[misc]
        succeed(made, ids, seconds=60)
        assert len(decisions(made, "makes room")) == 3
        assert len(names(made)) == 1
        assert any("demo needs it: 6 jobs wait, a worker takes " in line for line in decisions(made))
    finally:
        assert made.stop() == 0
    assert made.processes() == []


def test_a_backlog_raises_a_model_to_its_most_and_back_once(tmp_path: Path) -> None:
    models = "models: {fake: {path: fake, slots: 4, context: 512, workers: {min: 1, max: 3}, keep_alive: 1s}}"
    made = cluster(tmp_path, models, CARAVAN_FAKE_STEP_SECONDS="0.02")
    try:
        until(lambda: state(made, "fake")["state"] == "loaded", seconds=40)
        body = {"model": "fake", "prompt": "a", "max_tokens": 20}
        ids = submit_many(made, [body] * 500)
        until(lambda: names(made) == {"fake-1", "fake-2", "fake-3"}, seconds=30, what="three workers run")
        succeed(made, ids, seconds=60)
        until(lambda: names(made) == {"fake-1"}, seconds=45, what="one is left")
        assert [len(decisions(made, word)) for word in ("starts", "stops")] == [3, 2]
        assert [line.split(" ", 1)[0] for line in decisions(made)] == ["fake-1", "fake-2", "fake-3", "fake-3", "fake-2"]
    finally:
        assert made.stop() == 0


def test_a_model_that_is_unloaded_wakes_for_the_next_job_and_one_too_large_says_so(tmp_path: Path) -> None:
    models = """models:
  demo: {path: demo, slots: 4, context: 1024, workers: {min: 1, max: 2}}
  large: {path: demo, slots: 128, context: 1024, workers: {min: 0, max: 1}}
"""
    made = cluster(tmp_path, models, CARAVAN_MEMORY_BUDGET="300M")
    try:
        until(lambda: "The capital of France is Paris." in made.process.output(), seconds=40, what="the first answer")
        assert made.http.post("/models/demo/unload").status_code == 202
        until(asleep(made), seconds=30, what="it sleeps")
        job = made.submit(chat(QUESTION))
        assert made.job(job["id"], wait=40)["status"] == "succeeded"
        assert made.http.post("/models/large/load").status_code == 202
        large = until(lambda: (found := state(made, "large"))["state"] == "failed" and found, seconds=20)
        assert large["reason"].startswith("One worker of it takes ")
        refused = made.http.post("/jobs", json={**chat(QUESTION), "model": "large"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_failed")
        assert "CARAVAN_MEMORY_BUDGET" in refused.json()["error"]["message"]
    finally:
        assert made.stop() == 0
