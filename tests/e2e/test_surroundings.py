"""Nothing around the command gets in its way: modules of the working folder, proxies of the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis

from tasks.ledger import redis_keys
from tests.support.cluster import Cluster
from tests.support.processes import COMMAND, Process
from tests.support.redis_server import RedisServer, free_port
from tests.support.surroundings import DEAD_PROXY, POISON, PROXIES, poisoned
from tests.support.waiting import until

MODELS = "models: {demo: {path: demo, slots: 4, context: 256, kv_tokens: 1024}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return poisoned(tmp_path_factory.mktemp("poisoned"))


@pytest.fixture(scope="module")
def besieged(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("besieged"), models=MODELS, env=PROXIES, cwd=folder)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []
    assert POISON not in running.told()


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *COMMAND, *arguments],
        env={**os.environ, **PROXIES, **env}, cwd=folder,
        input="", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "What is the capital of Italy?"),
        ("submit", "--stream", "What is the capital of Italy?"),
        ("jobs", "list"),
        ("queues", "list"),
        ("batches", "status"),
        ("models", "pull"),
        ("bulk", "run", "rows.csv", "-m", "demo", "--prompt", "{{ text }}", "-o", "out.jsonl"),
    ],
    ids=" ".join,
)
def test_a_command_works_in_any_folder_and_beside_any_proxy(
    besieged: Cluster, folder: Path, arguments: tuple[str, ...]
) -> None:
    (folder / "rows.csv").write_text("text\nWhat is 12 + 7?\n")
    result = run(folder, *arguments, CARAVAN_URL=besieged.url)
    assert result.returncode == 0, result.stderr
    for told in (result.stdout, result.stderr):
        assert POISON not in told
        assert "Traceback" not in told


def test_a_probe_asks_directly(besieged: Cluster, folder: Path) -> None:
    assert run(folder, "probe", "http", f"{besieged.url}/readyz").returncode == 0


def test_a_command_says_which_proxy_it_went_through(folder: Path) -> None:
    result = run(folder, "jobs", "list", "--url", "http://caravan.invalid:8000")
    assert result.returncode == 1
    assert f"http://caravan.invalid:8000 does not answer through the proxy {DEAD_PROXY} (http_proxy)" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("part", ["web", "worker", "clerk", "flower"])
def test_a_part_of_its_own_starts_in_any_folder(
    part: str, folder: Path, redis_server: RedisServer, tmp_path: Path
) -> None:
    port, heartbeat = free_port(), tmp_path / "heartbeat"
    options = {"worker": ["demo", "--name", "w1"], "flower": ["--port", str(port)]}.get(part, [])
    env = {
        **PROXIES,
        "CARAVAN_REDIS_URL": redis_server.url,
        "CARAVAN_PORT": str(port),
        "CARAVAN_HEARTBEAT_FILE": str(heartbeat),
        "CARAVAN_THREADS": "1",
    }
    process = Process([*COMMAND, part, *options], env=env, log=tmp_path / "log", cwd=folder)
    works: dict[str, Callable[[], object]] = {
        "web": lambda: _answers(f"http://127.0.0.1:{port}/readyz"),
        "worker": lambda: _reported(redis_server, "w1"),
        "clerk": heartbeat.exists,
        "flower": lambda: _answers(f"http://127.0.0.1:{port}/healthcheck"),
    }
    process.start()
    try:
        until(lambda: not process.running or works[part](), seconds=40, what=f"{part} works")
        assert process.running, process.output()
    finally:
        process.stop()
    assert POISON not in process.output()


def _reported(server: RedisServer, worker: str) -> bool:
    with redis.Redis(port=server.port) as client:
        return bool(client.exists(redis_keys.worker(worker)))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
