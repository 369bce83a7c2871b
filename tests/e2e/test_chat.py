"""`caravan chat` against a real cluster: in a pipe, on a terminal, through Ctrl-C and through deaths of processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_command import run
from tests.support.cluster import Cluster
from tests.support.processes import COMMAND
from tests.support.terminal import Terminal
from tests.support.waiting import until

MODELS = """
models:
  fake: {path: fake, slots: 4, context: 2048}
  other: {path: fake, slots: 4, context: 2048}
"""
LONG = ["--set", "ignore_eos=true", "--set", "temperature=0", "--set", "max_tokens=300"]
"""An answer of 300 steps of 20 ms."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose answers take seconds."""
    running = Cluster(tmp_path_factory.mktemp("slow"), models=MODELS, env={"CARAVAN_WEB_PROCESSES": "1"})
    running.process.start()  # the fake model knows no capital, so its first answer announces nothing
    until(lambda: "Caravan is up." in running.process.output(), seconds=60, what="the cluster is up")
    yield running
    running.stop()
    assert running.processes() == []


@contextmanager
def chatting(cluster: Cluster, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command with a pipe for standard input."""
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli", "chat", *options],
        env={**os.environ, "CARAVAN_URL": cluster.url},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def begun(process: subprocess.Popen[str]) -> str:
    """The first character of an answer. What follows is left in the pipe: no buffer of ours takes it."""
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), 1).decode()


def newest(cluster: Cluster, model: str = "fake") -> dict[str, Any]:
    job: dict[str, Any] = cluster.http.get("/jobs", params={"model": model, "limit": 1}).json()["data"][0]
    return job


def text_of(job: dict[str, Any]) -> str:
    return str(job["result"]["choices"][0]["message"]["content"])


def test_each_line_of_a_pipe_is_a_question_and_answers_alone_are_on_standard_output(cluster: Cluster) -> None:
    lines = ["What is the capital of Italy?", "/set temperature 0", '"""What is', '12 + 7?"""', "/bye", "Not asked."]
    talk = run(cluster, "chat", stdin="\n".join(lines))
    assert talk.stdout == "The capital of Italy is Rome.\n12 + 7 = 19.\n"
    assert talk.stderr == "temperature is 0.\n"
    assert talk.returncode == 0


def test_what_was_said_before_is_part_of_the_next_question(slow: Cluster) -> None:
    run(slow, "chat", "fake", "--set", "max_tokens=8", stdin="Hello, are you there?\nAnd now?\n")
    second = newest(slow)
    run(slow, "chat", "fake", "--set", "max_tokens=8", stdin="Hello, are you there?\n/clear\nAnd now?\n")
    alone = newest(slow)
    assert second["usage"]["prompt_tokens"] > alone["usage"]["prompt_tokens"] + len("Hello, are you there?")


def test_what_fails_is_told_and_the_chat_goes_on(cluster: Cluster) -> None:
    lines = [
        "/set temperature 9",
        "Hello",
        "/set temperature 0",
        "/sytem x",
        "What is the capital of Italy?",
        '"""an end',
    ]
    talk = run(cluster, "chat", "demo", stdin="\n".join(lines))
    assert talk.stdout == "The capital of Italy is Rome.\n"
    assert talk.returncode == 1
    refused, misspelt, unfinished = talk.stderr.splitlines()[1:4:1][0], *talk.stderr.splitlines()[-2:]
    assert "temperature" in refused
    assert "Did you mean /system?" in misspelt
    assert "was not sent" in unfinished


def test_a_conversation_that_has_grown_too_long_can_be_begun_anew(cluster: Cluster) -> None:
    talk = run(cluster, "chat", stdin="word " * 2000 + "\nWhat is the capital of Italy?\n")
    assert "/clear begins a new conversation." in talk.stderr
    assert talk.stdout == "The capital of Italy is Rome.\n"


def test_which_model_is_meant_has_to_be_clear(slow: Cluster) -> None:
    several = run(slow, "chat", stdin="Hello\n")
    assert (several.returncode, several.stdout) == (1, "")
    assert several.stderr == "Error: Several models generate text: fake, other. Name one: `caravan chat fake`.\n"
    assert "Did you mean 'other'?" in run(slow, "chat", "ohter", stdin="Hello\n").stderr


def test_an_answer_that_was_cut_says_so(slow: Cluster) -> None:
    talk = run(slow, "chat", "fake", "--set", "ignore_eos=true", "--set", "max_tokens=5", stdin="Hello\n")
    assert "The answer was cut" in talk.stderr
    assert talk.returncode == 0


def test_ctrl_c_cancels_the_answer_and_the_chat_goes_on(slow: Cluster) -> None:
    with chatting(slow, "fake", *LONG) as process:
        say(process, "Hello")
        begun(process)
        stopped = newest(slow)["id"]
        process.send_signal(signal.SIGINT)
        say(process, "/set max_tokens 5")
        out, err = process.communicate("Are you there?\n", timeout=60)
    assert slow.job(stopped)["status"] == "cancelled"
    assert "The answer was stopped." in err
    assert out.endswith(f"\n{text_of(newest(slow))}\n")
    assert process.returncode == 0


@pytest.mark.parametrize("victim", ["web", "fake-1"])
def test_an_answer_survives_the_death_of_a_process(slow: Cluster, victim: str) -> None:
    with chatting(slow, "fake", *LONG) as process:
        say(process, "Hello")
        first = begun(process)
        slow.kill(victim)
        rest, err = process.communicate(timeout=120)
    until(lambda: slow.http.get("/healthz").status_code == 200, what="the front is back")
    job = slow.job(newest(slow)["id"], wait=10)
    assert job["usage"]["completion_tokens"] == 300
    assert first + rest == f"{text_of(job)}\n"
    assert err.splitlines()[-1] == "The answer was cut: max_tokens is reached, or the context is full."
    assert process.returncode == 0


def test_on_a_terminal_lines_are_edited_and_kept_and_ctrl_d_ends(cluster: Cluster, tmp_path: Path) -> None:
    env = {"CARAVAN_URL": cluster.url, "XDG_STATE_HOME": str(tmp_path), "CARAVAN_API_KEY": ""}
    terminal = Terminal([sys.executable, *COMMAND, "chat", "--set", "temperature=0"], env=env, cwd=tmp_path)
    until(lambda: terminal.shows(">>>"), what="it asks")
    terminal.type("What is the capital of Span?\x1b[D\x1b[Di\r")  # the cursor goes left, to mend a word
    until(lambda: terminal.shows("The capital of Spain is Madrid."), what="it answers")
    terminal.type("\x03")
    until(lambda: terminal.shows("Ctrl-D or /bye ends the chat."), what="it goes on")
    terminal.type("\x04")
    assert terminal.ended() == 0
    history = tmp_path / "caravan" / "chat_history"
    assert "+What is the capital of Spain?" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_on_a_terminal_ctrl_c_stops_the_answer_and_the_next_line_is_asked_for(slow: Cluster, tmp_path: Path) -> None:
    env = {"CARAVAN_URL": slow.url, "XDG_STATE_HOME": str(tmp_path)}
    terminal = Terminal([sys.executable, *COMMAND, "chat", "fake", "--no-history", *LONG], env=env, cwd=tmp_path)
    until(lambda: terminal.shows(">>>"), what="it asks")
    terminal.type("Hello\r")
    until(lambda: newest(slow)["status"] == "running", what="the job runs")
    terminal.type("\x03")
    until(lambda: terminal.shows("The answer was stopped."), what="it stops")
    assert newest(slow)["status"] == "cancelled"
    terminal.type("/bye\r")
    assert terminal.ended() == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_cluster_nobody_waits_for_one() -> None:
    away = subprocess.run(
        [sys.executable, "-m", "app.cli", "chat", "--url", "http://127.0.0.1:9"],
        input="Hello\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.startswith("Error: http://127.0.0.1:9 does not answer")
