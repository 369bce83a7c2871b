"""A clerk or a worker whose password Redis refuses ends when it is first refused, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.ledger import redis_keys
from tasks.ledger.connection import connect
from tests.support.crew import fake_model
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

PASSWORD = "hunter2"
PROGRAMS = {"clerk": ["-m", "app.cli", "clerk"], "worker": ["-m", "tasks.worker", "fake", "--name", "one"]}
WAITS = "redis does not answer; waiting for it"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", options=["--requirepass", PASSWORD])
    yield server
    server.stop()


def url(server: RedisServer, password: str) -> str:
    return f"redis://:{password}@127.0.0.1:{server.port}/0"


def program(name: str, folder: Path, **variables: str) -> Process:
    (folder / "models.yaml").write_text(f"models: {fake_model(4)}")
    env = {"CARAVAN_MODELS_FILE": str(folder / "models.yaml"), "CARAVAN_LOG_FORMAT": "json", **variables}
    return Process(PROGRAMS[name], env=env, log=folder / f"{name}.log", cwd=folder)


def ends(process: Process) -> int:
    until(lambda: not process.running, seconds=60, what="it ends")
    return process.status


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_password_that_is_refused_ends_it_with_what_to_mend(locked: RedisServer, tmp_path: Path, name: str) -> None:
    locked.start()
    process = program(name, tmp_path, CARAVAN_REDIS_URL=url(locked, "wrong"))
    process.start()
    assert ends(process) > 0
    said = process.output()
    where = f"127.0.0.1:{locked.port}"
    assert f"CARAVAN_REDIS_URL: the Redis at {where} refuses the password. Correct it in the URL" in said
    assert "Traceback" not in said
    assert "wrong" not in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_brokers_password_is_told_by_its_own_setting(locked: RedisServer, tmp_path: Path, name: str) -> None:
    locked.start()
    broker = f"redis://127.0.0.1:{locked.port}/1"
    process = program(name, tmp_path, CARAVAN_REDIS_URL=url(locked, PASSWORD), CARAVAN_BROKER_URL=broker)
    process.start()
    assert ends(process) > 0
    assert f"CARAVAN_BROKER_URL: the Redis at 127.0.0.1:{locked.port} asks for a password." in process.output()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_redis_that_comes_later_may_be_the_first_to_refuse(locked: RedisServer, tmp_path: Path, name: str) -> None:
    process = program(name, tmp_path, CARAVAN_REDIS_URL=url(locked, "wrong"))
    process.start()
    until(lambda: WAITS in process.output(), seconds=60, what="it waits")
    locked.start()
    assert ends(process) > 0
    assert "refuses the password" in process.output()


def test_a_worker_that_was_let_in_once_tries_again(locked: RedisServer, tmp_path: Path) -> None:
    locked.start()
    process = program("worker", tmp_path, CARAVAN_REDIS_URL=url(locked, PASSWORD), CARAVAN_LEASE_SECONDS="1")
    process.start()
    with connect(url(locked, PASSWORD)) as client:
        until(lambda: client.exists(redis_keys.worker("one")), seconds=60, what="it reports itself")
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        until(lambda: "invalid username-password" in process.output(), seconds=60, what="it is refused")
        assert process.running
        client.config_set("requirepass", PASSWORD)
        client.delete(redis_keys.worker("one"))
        until(lambda: client.exists(redis_keys.worker("one")), seconds=60, what="it reports itself again")
    assert process.stop() == 0
