"""Workers that come and go by demand, as `caravan up` starts and stops them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

SLEEPS = "models: {demo: {path: demo, slots: 4, context: 1024, workers: {min: 0, max: 3}, keep_alive: 1s}}"
QUESTION = "What is the capital of France?"


def cluster(folder: Path, models: str, **env: str) -> Cluster:
    """One that is up, whatever its models do."""
    made = Cluster(folder, models=models, env=env, options=["--no-flower"])
    made.process.start()
    until(lambda: "Caravan is up." in made.process.output(), seconds=60, what="the cluster is up")
    return made


def state(made: Cluster, name: str = "demo") -> dict[str, Any]:
    models: list[dict[str, Any]] = made.http.get("/models").json()["data"]
    return next(model for model in models if model["id"] == name)


def asleep(made: Cluster) -> Callable[[], bool]:
    return lambda: state(made)["state"] == "asleep" and not made.pids_of("tasks.worker")


def test_a_model_sleeps_wakes_for_a_job_and_leaves_nothing_behind(tmp_path: Path) -> None:
    made = cluster(tmp_path, SLEEPS)
    try:
        assert state(made)["state"] == "asleep"
        ledger, seen = redis.Redis.from_url(made.redis_url()), []
        for _ in range(3):
            job = made.submit(chat(QUESTION))
            job = made.job(job["id"], wait=40)
            assert job["status"] == "succeeded", job
            made.http.post("/jobs/delete", json={"ids": [job["id"]]})
            until(asleep(made), seconds=30, what="it sleeps again")
            seen.append((len(made.processes()), len(ledger.keys("*"))))
        assert seen[0] == seen[-1]
        decisions = state(made)["decisions"]
        assert [each["action"] for each in decisions] == ["stop", "start"] * 3
        assert decisions[0]["reason"] == "no job came for 1 s (keep_alive)"
        assert made.process.output().count("demo-1 starts: 1 job waits.") == 3
    finally:
        assert made.stop() == 0
    assert made.processes() == []
