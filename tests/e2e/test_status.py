"""`caravan status` and `caravan models` against a real cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.test_command import run
from tests.support.cluster import Cluster, chat
from tests.support.processes import COMMAND
from tests.support.terminal import Terminal


def on_screen(cluster: Cluster, folder: Path, columns: int, *arguments: str) -> list[str]:
    """What a command shows on a terminal of this width."""
    env = {"CARAVAN_URL": cluster.url}
    terminal = Terminal([sys.executable, *COMMAND, *arguments], env=env, cwd=folder, columns=columns)
    terminal.ended()
    return terminal.screen.lines


def test_a_cluster_that_serves_needs_nothing(cluster: Cluster) -> None:
    shown = run(cluster, "status")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[:2] == [f"Cluster  {cluster.url}", "Redis    ok"]
    assert lines[4].split()[:2] == ["demo", "loaded"]
    assert lines[-1] == "Nothing needs doing."
    assert run(cluster, "ps").stdout.splitlines()[:4] == lines[:4]


def test_a_paused_queue_needs_opening_and_the_command_to_copy_opens_it(cluster: Cluster) -> None:
    run(cluster, "queues", "pause", "demo")
    try:
        shown = run(cluster, "status")
        told = json.loads(run(cluster, "status", "--json").stdout)
    finally:
        run(cluster, "queues", "resume", "demo")
    assert "  -> Open it again: `caravan queues resume demo`." in shown.stdout.splitlines()
    assert shown.returncode == 1
    assert [trouble["about"] for trouble in told["to_do"]] == ["demo"]
    assert told["redis"] == {"usable": True, "reason": None}
    assert [model["id"] for model in told["models"]] == ["demo"]
    assert run(cluster, "status").returncode == 0


def test_the_last_failures_are_shown_with_what_to_do(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("word " * 2000))["id"]
    assert cluster.job(job_id, wait=10)["status"] == "failed"
    shown = run(cluster, "status")
    assert shown.returncode == 0
    assert f"{job_id}  context_length_exceeded" in shown.stdout
    assert "  context_length_exceeded: Send a shorter prompt" in shown.stdout


@pytest.mark.parametrize("columns", [80, 50])
def test_the_screen_fits_a_terminal(cluster: Cluster, tmp_path: Path, columns: int) -> None:
    lines = on_screen(cluster, tmp_path, columns, "status")
    assert max(map(len, lines)) <= columns
    assert "Nothing needs doing." in lines
    assert any("demo  " in line and "loaded" in line for line in lines)


def test_without_a_cluster_there_is_one_sentence(cluster: Cluster) -> None:
    away = run(cluster, "status", "--url", "http://127.0.0.1:9")
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.count("\n") == 1
    assert "does not answer" in away.stderr
    assert "`caravan up`" in away.stderr


def test_models_are_listed_and_shown(cluster: Cluster) -> None:
    head, demo = run(cluster, "models", "list").stdout.splitlines()
    assert head.split()[:4] == ["NAME", "STATE", "KIND", "CONTEXT"]
    assert demo.split()[:4] == ["demo", "loaded", "generative", "1024"]
    assert [model["id"] for model in json.loads(run(cluster, "models", "list", "--json").stdout)] == ["demo"]
    shown = run(cluster, "models", "show", "demo").stdout
    assert "context    1024 tokens\n" in shown
    assert "\ndemo-1  ready" in shown
    assert json.loads(run(cluster, "models", "show", "demo", "--json").stdout)["slots"] == 8


def test_a_model_that_is_not_there_is_answered_with_the_nearest(cluster: Cluster) -> None:
    refused = run(cluster, "models", "show", "dmeo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "Error: There is no model 'dmeo'. Did you mean 'demo'? This server has: demo.\n"


@pytest.mark.parametrize("columns", [80, 50])
def test_lists_fit_a_terminal(cluster: Cluster, tmp_path: Path, columns: int) -> None:
    lists = (
        "models list",
        "models show demo",
        "queues list",
        "jobs list",
        "jobs dlq",
        "batches list",
        "batches status",
    )
    for arguments in map(str.split, lists):
        assert max(map(len, on_screen(cluster, tmp_path, columns, *arguments))) <= columns


@pytest.mark.parametrize("columns", [80, 50])
def test_the_bar_of_a_bulk_run_fits_a_terminal(cluster: Cluster, tmp_path: Path, columns: int) -> None:
    (tmp_path / "rows.csv").write_text("text\n" + "".join(f"What is {n} + 7?\n" for n in range(12)))
    arguments = [
        "bulk",
        "run",
        "rows.csv",
        "-m",
        "demo",
        "--prompt",
        "{{ text }}",
        "-o",
        "out.jsonl",
        "--max-tokens",
        "8",
    ]
    lines = on_screen(cluster, tmp_path, columns, *arguments)
    bars = [line for line in lines if "12 of 12 rows" in line]
    assert len(bars) == 1
    assert len(bars[0]) < columns
