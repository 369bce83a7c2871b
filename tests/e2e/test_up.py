"""`caravan up`: one command starts everything, heals what dies, and leaves nothing behind."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_answers_a_first_job_and_leaves_no_process_when_it_is_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    until(lambda: "The capital of France is Paris." in cluster.process.output())
    assert cluster.url in cluster.process.output()
    assert cluster.flower_url in cluster.process.output()
    assert cluster.stop(number) == 0
    assert cluster.processes() == []


def test_a_killed_supervisor_takes_its_processes_with_it(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    cluster.process.kill()
    until(lambda: cluster.processes() == [], seconds=40, what="every process is gone")


def test_jobs_outlive_a_restart_of_the_whole_cluster(tmp_path: Path) -> None:
    first = Cluster(tmp_path)
    first.start()
    ended = first.submit(chat("What is 3 + 4?"), Prefer="wait=20")
    story = first.submit(chat("Tell me a long story about a fox.", ignore_eos=True, max_tokens=900, temperature=0))
    first.stop()
    second = Cluster(tmp_path)
    second.start()
    try:
        assert second.job(ended["id"])["result"]["choices"][0]["message"]["content"] == "3 + 4 = 7."
        until(lambda: second.job(story["id"], wait=20)["finished_at"], seconds=90, what="the story has ended")
        assert second.job(story["id"])["usage"]["completion_tokens"] == 900
    finally:
        second.stop()


def test_two_clusters_refuse_to_share_a_folder_or_a_port(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    try:
        other = Cluster(tmp_path)
        other.process.start()
        assert other.process.stop(signal.SIGCONT) == 1
        assert "Another cluster uses" in other.process.output()
    finally:
        cluster.stop()


def test_a_catalogue_with_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    models = "models: {demo: {path: demo}, gone: {path: gone.gguf}}"
    cluster = Cluster(tmp_path, models=models)
    cluster.process.start()
    until(lambda: not cluster.process.running, what="it gives up")
    assert cluster.process.status == 1
    output = cluster.process.output()
    assert f"These models have no file: gone (there is no {tmp_path / 'gone.gguf'}). Correct their paths in " in output


def test_every_program_that_dies_is_started_again(tmp_path: Path) -> None:
    import os

    cluster = Cluster(tmp_path)
    cluster.start()
    try:
        for argument in ("tasks.worker", "clerk", "web", "flower"):
            pid = cluster.pid_of(argument)
            os.kill(pid, signal.SIGKILL)
            until(lambda argument=argument, pid=pid: _pid(cluster, argument) not in (None, pid), what=argument)  # type: ignore[misc]
        until(lambda: _ready(cluster), what="the cluster is ready again")
        answer = cluster.submit(chat("What is the capital of Japan?"), Prefer="wait=30")
        assert answer["result"]["choices"][0]["message"]["content"] == "The capital of Japan is Tokyo."
    finally:
        cluster.stop()
    assert cluster.processes() == []


def _pid(cluster: Cluster, argument: str) -> int | None:
    try:
        return cluster.pid_of(argument)
    except LookupError:
        return None


def _ready(cluster: Cluster) -> bool:
    import httpx

    try:
        return cluster.http.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False
