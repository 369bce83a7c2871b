"""`caravan clerk` by itself: how it is stopped, and what it says of a Redis that it cannot use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    found = RedisServer(tmp_path / "redis")
    found.start()
    yield found
    found.stop()


@contextmanager
def clerk(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command, and the file that has all that it says, as on a terminal."""
    said = folder / "said"
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARAVAN_")}
    env |= {"CARAVAN_REDIS_URL": url, "CARAVAN_LOG_FORMAT": "console"}
    command = [sys.executable, "-m", "app.cli", "clerk"]
    with said.open("wb") as file, subprocess.Popen(command, cwd=folder, env=env, stdout=file, stderr=file) as process:
        yield process, said
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_silence_and_with_success(
    server: RedisServer, tmp_path: Path, number: signal.Signals
) -> None:
    with clerk(tmp_path, server.url) as (process, said):
        until(lambda: "ready." in said.read_text(), seconds=60, what="it is ready")
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "shutdown" not in said.read_text()
        assert "superuser" not in said.read_text()


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_redis_that_does_not_answer_is_told_with_the_setting_and_a_signal_still_stops_it(
    server: RedisServer, tmp_path: Path, scheme: str
) -> None:
    port = free_port() if scheme == "redis" else server.port  # which speaks no TLS
    with clerk(tmp_path, f"{scheme}://127.0.0.1:{port}/0") as (process, said):
        until(lambda: "Redis does not answer" in said.read_text(), seconds=60, what="it says so")
        assert "correct CARAVAN_REDIS_URL" in said.read_text()
        assert "None)" not in said.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
