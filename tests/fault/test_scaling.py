"""Workers by demand, while everything dies: every job ends, and models go on taking turns."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_scaling import cluster, decisions, names, state, submit_many, succeed
from tests.support.cluster import Cluster
from tests.support.processes import children
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODELS = """models:
  one: {path: fake, slots: 4, context: 512, workers: {min: 0, max: 3}, keep_alive: 2s}
  two: {path: fake, slots: 2, context: 512, workers: {min: 1, max: 2}, keep_alive: 2s}
  three: {path: fake, slots: 3, context: 512, workers: {min: 0, max: 1}, keep_alive: 2s}
  broken: {path: broken.gguf, slots: 1, context: 512, workers: {min: 0, max: 1}, keep_alive: 2s}
"""
pytestmark = pytest.mark.timeout(300)

BUDGET = {"CARAVAN_MEMORY_BUDGET": "320M", "CARAVAN_LEASE_SECONDS": "4"}
"""Room for two workers."""


def started(folder: Path, own_server: RedisServer) -> Cluster:
    (folder / "broken.gguf").write_bytes(b"no model at all")
    return cluster(folder, MODELS, options=["--redis-url", own_server.url], **BUDGET)


def body(model: str, tokens: int) -> dict[str, object]:
    return {"model": model, "prompt": "a", "max_tokens": tokens}


def kill_a_worker(made: Cluster, chance: random.Random) -> None:
    """Kill a process that serves a model."""
    with suppress(ProcessLookupError, IndexError):
        parents = made.pids_of("tasks.worker")
        os.kill(chance.choice([pid for parent in parents for pid in children(parent)]), signal.SIGKILL)


def test_every_job_ends_though_workers_and_redis_die_while_models_take_turns(
    tmp_path: Path, own_server: RedisServer
) -> None:
    made, chance = started(tmp_path, own_server), random.Random(3)
    try:
        ids, refused = list[str](), submit_many(made, [body("broken", 1)])
        for turn in range(4):
            for model in ("one", "two", "three"):
                ids += submit_many(made, [body(model, chance.randint(5, 60))] * 6)
            time.sleep(chance.uniform(1, 3))
            kill_a_worker(made, chance)
            if turn == 2:
                with suppress(LookupError):
                    os.kill(made.pid_of("tasks.worker"), signal.SIGKILL)  # the parent
                own_server.kill()
                time.sleep(5)
                own_server.start()
                until(lambda: _accepts(made), seconds=40, what="jobs are accepted again")
        succeed(made, ids, seconds=100)
        assert decisions(made, "makes room")
        assert made.process.running
        ended = made.job(refused[0], wait=30)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "model_failed")
        until(lambda: names(made) == {"two-1"}, seconds=60, what="all but the one that stays have stopped")
    finally:
        assert made.stop() == 0
    assert made.processes() == []


def test_a_killed_supervisor_begins_anew_from_the_ledger(tmp_path: Path, own_server: RedisServer) -> None:
    first = started(tmp_path, own_server)
    ids = [job for model in ("one", "three") for job in submit_many(first, [body(model, 100)] * 4)]
    until(lambda: state(first, "one")["running"] > 0, seconds=40, what="jobs run")
    first.process.kill()
    first.http.close()
    until(lambda: first.processes() == [], seconds=40, what="every process is gone")
    second = started(tmp_path, own_server)
    try:
        succeed(second, ids, seconds=90)
        until(lambda: names(second) == {"two-1"}, seconds=60, what="the others have stopped")
    finally:
        assert second.stop() == 0


def test_a_worker_that_is_killed_while_it_drains_loses_nothing(tmp_path: Path, own_server: RedisServer) -> None:
    made = started(tmp_path, own_server)
    try:
        ids = submit_many(made, [body("one", 300)] * 4)
        until(lambda: state(made, "one")["running"] == 4, seconds=40, what="they run")
        assert made.http.post("/models/one/unload").status_code == 202
        until(lambda: bool(decisions(made, "stops")), seconds=20, what="it is told to stop")
        for pid in made.pids_of("one"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        succeed(made, ids, seconds=60)
        assert children(made.process.pid)
    finally:
        assert made.stop() == 0


def _accepts(made: Cluster) -> bool:
    with suppress(httpx.HTTPError):
        return made.http.get("/readyz").status_code == 200
    return False
