"""What `caravan up` shows: on a terminal, in a pipe, and when something dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.cluster import MARK, ONE_THREAD, Cluster
from tests.support.pages import blocks
from tests.support.processes import COMMAND, with_variable
from tests.support.redis_server import free_port
from tests.support.terminal import Terminal
from tests.support.waiting import until

PARTS = ("redis", "web", "demo-1", "clerk", "flower")
NOISE = ("Inspect method", "superuser", "oO0", "Traceback", "Configuration loaded", "DeprecationWarning", '"event"')
MOST_LINES = 15


def test_a_terminal_shows_each_part_turn_ready_in_its_place_then_the_addresses_and_the_answer(tmp_path: Path) -> None:
    port, flower_port = free_port(), free_port()
    options = ["up", "--port", str(port), "--flower-port", str(flower_port)]
    env = {**ONE_THREAD, MARK: tmp_path.name}
    terminal = Terminal([sys.executable, *COMMAND, *options], env=env, cwd=tmp_path)
    try:
        until(lambda: terminal.shows("The capital of France is Paris."), seconds=60, what="the first answer")
        screen = [line for line in terminal.screen.lines if line]
    finally:
        status = terminal.stop()
    assert status == 0
    assert with_variable(MARK, tmp_path.name) == []
    assert [line.split()[:2] for line in screen[:5]] == [[name, "ready"] for name in PARTS]
    assert "Caravan is up." in screen
    for address in (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/docs", f"http://127.0.0.1:{flower_port}"):
        assert any(line.endswith(address) for line in screen)
    (readme,) = (block.text for block in blocks("README.md") if block.commands == ["caravan up"])
    usual = [line.replace(f":{port}", ":8000").replace(f":{flower_port}", ":5555") for line in screen]
    assert usual == [line for line in readme.splitlines()[1:] if line]
    assert len(screen) <= MOST_LINES
    assert all(len(lines) <= MOST_LINES + 1 for lines in terminal.seen), "no screen on the way has more"
    rows = [[line.split()[1] for line in lines[:5] if len(line.split()) > 1] for lines in terminal.seen]
    assert ["starting"] * 5 in rows
    for place in range(5):
        assert (
            {"starting", "ready"} <= {row[place] for row in rows if len(row) == 5} <= {"starting", "loading", "ready"}
        )
    shown = "\n".join(line for lines in terminal.seen for line in lines)
    assert not [noise for noise in NOISE if noise in shown]


def test_what_is_piped_says_each_change_once_and_the_logs_say_the_rest(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    cluster.stop()
    output = cluster.process.output()
    for name in PARTS:
        changes = [line.split()[1] for line in output.splitlines() if line.startswith(f"{name} ")]
        assert changes[0] == "starting"
        assert changes[-1] == "ready"
        assert len(changes) == len(set(changes)) <= 3
        assert cluster.log(name), f"{name} has a log"
    assert len(output.splitlines()) <= 25
    assert not [noise for noise in NOISE if noise in output]
    assert "\x1b" not in output


def test_verbose_shows_what_the_programs_say(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, options=["--verbose"])
    cluster.start()
    cluster.stop()
    output = cluster.process.output()
    assert "demo-1: model loaded model=demo" in output
    assert "redis: " in output
    assert "flower: " in output


def test_a_program_that_dies_again_and_again_is_told_in_words_and_is_tried_on(tmp_path: Path) -> None:
    """Flower cannot start, and says so with a traceback each time."""
    cluster = Cluster(tmp_path, env={"FLOWER_MAX_TASKS": "many"})
    cluster.start()
    try:
        until(lambda: cluster.log("flower").count("Traceback") >= 5, seconds=60, what="it is tried on")
    finally:
        cluster.stop()
    output = cluster.process.output()
    log = cluster.data / "logs" / "flower.log"
    assert output.count("flower ended with status 1; it is restarted.") == 1
    assert (
        output.count(f"flower has died 3 times in a row: the last time it ended with status 1. {log} says more.") == 1
    )
    assert sum(line.startswith("flower: ") for line in output.splitlines()) == 1, "the error itself, once"
    assert "flower  failed: it dies repeatedly" in output
    assert "Traceback" not in output


def test_a_model_that_cannot_be_served_is_told_with_the_reason_and_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_text("no model")
    models = "models: {demo: {path: demo, slots: 4, context: 256, kv_tokens: 1024}, broken: {path: broken.gguf}}"
    cluster = Cluster(tmp_path, models=models)
    cluster.start()
    cluster.stop()
    output = cluster.process.output()
    assert "broken-1  failed: " in output
    assert output.count("broken-1: the model cannot be served") == 1
    assert output.index("broken-1  failed: ") < output.index("Caravan is up.")
    assert "The capital of France is Paris." in output
    assert len(output.splitlines()) <= 30


def test_a_program_that_was_killed_once_is_told_and_is_told_to_be_well_again(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    try:
        os.kill(cluster.pid_of("clerk"), signal.SIGKILL)
        until(lambda: "clerk runs again; it had died once." in cluster.process.output(), seconds=40)
    finally:
        cluster.stop()
    assert cluster.process.output().count("clerk was killed by SIGKILL") == 1


@pytest.mark.parametrize("part", ["web", "demo-1", "clerk", "redis"])
def test_programs_of_a_killed_supervisor_end_in_order_and_say_so_in_their_logs(part: str, killed: Cluster) -> None:
    ends = {"web": "", "demo-1": '"event": "draining"', "clerk": '"event": "clerk stopped"', "redis": "bye bye"}
    assert ends[part] in killed.log(part)
    assert "BrokenPipe" not in killed.log(part)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    cluster = Cluster(tmp_path_factory.mktemp("killed"))
    cluster.start()
    cluster.process.kill()
    until(lambda: cluster.processes() == [], seconds=40, what="every process is gone")
    return cluster


def test_a_quiet_start_without_flower_says_nothing_and_writes_its_file(tmp_path: Path) -> None:
    log_file = tmp_path / "caravan.log"
    cluster = Cluster(tmp_path, options=["--quiet", "--no-flower", "--log-file", str(log_file)])
    cluster.process.start()
    try:
        until(lambda: log_file.exists() and "Caravan is up." in log_file.read_text(), seconds=60, what="it is up")
        assert cluster.accepted() == 0, "no question was asked"
    finally:
        assert cluster.stop() == 0
    assert cluster.process.output() == ""
    assert "flower" not in log_file.read_text().lower()
    assert not (cluster.data / "logs" / "flower.log").exists()
