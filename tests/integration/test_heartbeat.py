"""The heartbeat's file, and the probes that containers are asked by."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tasks.queue.heartbeat import Heartbeat
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import until


def probe(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["probe", *arguments], env=env)


def test_a_beat_makes_the_file_and_makes_it_young(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    heartbeat = Heartbeat(path)
    heartbeat.beat()
    os.utime(path, (1, 1))
    heartbeat.beat()
    assert time.time() - path.stat().st_mtime < 5


def test_the_file_of_an_earlier_process_is_no_sign_of_life(tmp_path: Path) -> None:
    """A container that starts again finds the files of the one before in its pod's volumes."""
    path = tmp_path / "beat"
    path.touch()
    Heartbeat(path)
    assert not path.exists()


def test_without_a_path_nothing_is_touched() -> None:
    Heartbeat(None).beat()


def test_a_file_that_cannot_be_touched_stops_nothing(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "missing" / "beat").beat()


def test_a_young_heartbeat_is_well(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "beat").beat()
    assert probe("heartbeat", CARAVAN_HEARTBEAT_FILE=str(tmp_path / "beat")).exit_code == 0


def test_a_heartbeat_that_is_missing_is_not_well(tmp_path: Path) -> None:
    result = probe("heartbeat", "--file", str(tmp_path / "beat"))
    assert result.exit_code == 1
    assert "does not serve yet" in result.output


def test_an_old_heartbeat_is_not_well(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    path.touch()
    os.utime(path, (time.time() - 40,) * 2)
    assert probe("heartbeat", "--file", str(path)).exit_code == 1
    assert probe("heartbeat", "--file", str(path), "--max-age", "60").exit_code == 0


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{found.server_address[1]}"
    found.shutdown()
    found.server_close()
    thread.join()


def test_an_address_that_answers_is_well(server: str) -> None:
    assert probe("http", f"{server}/well").exit_code == 0


def test_a_proxy_of_the_environment_is_not_asked(server: str) -> None:
    assert probe("http", f"{server}/well", http_proxy="http://127.0.0.1:1", no_proxy="").exit_code == 0


def test_an_address_that_answers_with_an_error_is_not_well(server: str) -> None:
    assert probe("http", f"{server}/ill").exit_code == 1


def test_an_address_that_does_not_answer_is_not_well() -> None:
    result = probe("http", "http://127.0.0.1:1/")
    assert result.exit_code == 1
    assert "Traceback" not in result.output


MODELS = "models: {fake: {path: fake, slots: 4, context: 256, kv_tokens: 512}}"


PROGRAMS = {"worker": ["-m", "tasks.worker", "fake"], "clerk": ["-m", "app.cli", "clerk"]}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_process_beats_while_redis_is_away_as_well(tmp_path: Path, program: list[str]) -> None:
    """What waits for Redis is well: to start it again would bring nothing back."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    (tmp_path / "models.yaml").write_text(MODELS)
    beat = tmp_path / "beat"
    env = {
        "CARAVAN_REDIS_URL": server.url,
        "CARAVAN_MODELS_FILE": str(tmp_path / "models.yaml"),
        "CARAVAN_HEARTBEAT_FILE": str(beat),
        "CARAVAN_DRAIN_SECONDS": "0",
    }
    process = Process(program, env=env, log=tmp_path / "process.log")
    process.start()
    try:
        until(beat.exists, seconds=60, what="the first beat")
        server.kill()
        down_at = time.time()
        until(lambda: beat.stat().st_mtime > down_at + 5, seconds=60, what="beats without Redis")
        assert process.running, process.output()
        server.start()
        assert process.stop() == 0, process.output()
        ended_at = beat.stat().st_mtime
        assert time.time() >= ended_at
    finally:
        if process.running:
            process.kill()
        server.stop()


def test_a_worker_whose_model_cannot_be_loaded_never_beats(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    (tmp_path / "models.yaml").write_text("models: {broken: {path: broken.gguf}}")
    (tmp_path / "broken.gguf").write_text("no model")
    beat = tmp_path / "beat"
    beat.touch()
    env = {
        "CARAVAN_REDIS_URL": server.url,
        "CARAVAN_MODELS_FILE": str(tmp_path / "models.yaml"),
        "CARAVAN_HEARTBEAT_FILE": str(beat),
    }
    process = Process(["-m", "tasks.worker", "broken"], env=env, log=tmp_path / "process.log")
    process.start()
    try:
        until(lambda: "the model cannot be served" in process.output(), seconds=30, what="the worker says so")
        assert not beat.exists()
    finally:
        process.stop()
        server.stop()
