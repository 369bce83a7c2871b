"""models.yaml is read again while `caravan up` serves: models come, go and change, and no job is lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tasks.models.catalogue import DEMO, gguf_path
from tests.e2e.test_scaling import cluster, names, state, submit_many, succeed
from tests.support.cluster import Cluster
from tests.support.waiting import until

KEPT = "  kept: {path: fake, slots: 2, context: 512}\n"
FIRST = f"models:\n  one: {{path: fake, slots: 4, context: 512}}\n  two: {{path: fake, slots: 2, context: 512}}\n{KEPT}"
SECOND = (
    f"models:\n  one: {{path: fake, slots: 3, context: 512}}\n  new: {{path: fake, slots: 2, context: 512}}\n{KEPT}"
)


@contextmanager
def loaded(found: Cluster) -> Iterator[Cluster]:
    """A cluster of `FIRST`, once its models are loaded; it has to stop well."""
    try:
        for model in ("one", "two", "kept"):
            until(lambda model=model: state(found, model)["state"] == "loaded", seconds=40, what=model)  # type: ignore[misc]
        yield found
    finally:
        assert found.stop() == 0
    assert found.processes() == []


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cluster]:
    with loaded(cluster(tmp_path, FIRST)) as found:
        yield found


def file(made: Cluster) -> Path:
    return made.data.parent / "models.yaml"


def body(model: str, tokens: int) -> dict[str, object]:
    return {"model": model, "prompt": "a", "max_tokens": tokens}


def status(made: Cluster, model: str) -> int:
    return made.http.post("/jobs", json=body(model, 1)).status_code


def serves(made: Cluster, model: str) -> bool:
    """Whether jobs of it are run; no, if the front is away."""
    with suppress(httpx.HTTPError, KeyError):
        job = made.http.post("/jobs", json=body(model, 1)).json()
        return bool(made.job(job["id"], wait=20)["status"] == "succeeded")
    return False


def test_models_come_go_and_change_while_jobs_run(made: Cluster) -> None:
    kept = made.pids_of("kept-1")
    ids = submit_many(made, [body("one", 300)] * 8 + [body("two", 200)] * 6)
    until(lambda: state(made, "two")["running"] > 0, seconds=20, what="jobs run")
    file(made).write_text(SECOND)
    answer = made.http.post("/models/reload").json()
    assert answer == {"object": "models.reload", "added": ["new"], "removed": ["two"], "changed": ["one"]}
    until(lambda: all(status(made, "two") == 404 for _ in range(8)), seconds=10, what="every web process knows")
    succeed(made, ids, seconds=60)
    until(lambda: names(made) == {"one-2", "new-1", "kept-1"}, seconds=40, what="the workers are those of the file")
    assert made.pids_of("kept-1") == kept, "a model that has not changed is not touched"
    until(lambda: state(made, "one")["slots"] == 3, seconds=10, what="the new settings hold")
    assert made.job(made.submit(body("new", 5))["id"], wait=30)["status"] == "succeeded"


def test_a_signal_asks_for_it_and_a_file_that_makes_no_sense_changes_nothing(made: Cluster) -> None:
    file(made).write_text(SECOND.replace("slots: 3", "slotz: 3"))
    os.kill(made.process.pid, signal.SIGHUP)
    until(lambda: "models.yaml was not read again: " in made.process.output(), seconds=10, what="the fault is told")
    assert "line 2: models.one.slotz is not a key of a model; did you mean slots?" in made.process.output()
    assert made.http.post("/models/reload").json()["error"]["code"] == "invalid_models_file"
    made.kill("web")  # those that start meanwhile read what was accepted
    made.kill("two-1")
    until(lambda: serves(made, "two"), seconds=40, what="it serves again")
    assert names(made) == {"one-1", "two-1", "kept-1"}
    file(made).write_text(SECOND)
    os.kill(made.process.pid, signal.SIGHUP)
    os.kill(made.process.pid, signal.SIGHUP)
    until(lambda: names(made) == {"one-2", "new-1", "kept-1"}, seconds=40, what="the workers are those of the file")


def test_keys_of_the_front_change_without_another_worker(made: Cluster) -> None:
    workers = {name: made.pids_of(name) for name in names(made)}
    file(made).write_text(FIRST.replace("slots: 4,", "slots: 4, aliases: [uno], workers: {min: 1, max: 2},"))
    assert made.http.post("/models/reload").json()["changed"] == ["one"]
    until(lambda: all(status(made, "uno") == 202 for _ in range(8)), seconds=10, what="every web process knows")
    assert {name: made.pids_of(name) for name in names(made)} == workers
    assert made.http.post("/models/two/unload").status_code == 202, "workers come and go by demand now"
    until(lambda: "two-1" not in names(made), seconds=20, what="it sleeps")


def test_jobs_of_a_file_that_is_replaced_end_on_the_worker_that_has_the_old_one(tmp_path: Path) -> None:
    """No other worker could continue them; so it drains for longer than a usual stop."""
    model = tmp_path / "model.gguf"
    shutil.copy(gguf_path(DEMO), model)
    made = cluster(tmp_path, "models: {own: {path: model.gguf, slots: 2, context: 1024}}", CARAVAN_DRAIN_SECONDS="0.1")
    try:
        until(lambda: state(made, "own")["state"] == "loaded", seconds=40, what="it serves")
        ids = submit_many(made, [body("own", 900) | {"seed": seed, "ignore_eos": True} for seed in range(12)])
        until(lambda: state(made, "own")["running"] > 0, seconds=20, what="they run")
        shutil.copy(gguf_path(DEMO), tmp_path / "other.gguf")
        with (tmp_path / "other.gguf").open("ab") as other:
            other.write(bytes(4096))
        (tmp_path / "other.gguf").replace(model)
        assert made.http.post("/models/reload").json()["changed"] == ["own"]
        until(lambda: "own-1 stops: " in made.process.output(), seconds=40, what="the old one is told to stop")
        succeed(made, ids, seconds=60)
        until(lambda: names(made) == {"own-2"}, seconds=40, what="the new one is left")
    finally:
        assert made.stop() == 0
