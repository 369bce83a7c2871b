"""No other user of the machine reads what `caravan up` keeps, or reaches its Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from flower.utils import broker
from structlog.testing import capture_logs

from app.cli.flower import _read_the_sockets_database
from app.cli.up.own_redis import OwnRedis, own_redis
from app.cli.up.private_files import mend, private_umask
from tasks.ledger.connection import connect
from tasks.ledger.probe import written_and_read
from tasks.machine.memory import read_room
from tasks.queue.celery_app import create_celery, create_celery_for_flower
from tasks.settings import Settings
from tests.support.cluster import Cluster, chat
from tests.support.waiting import until


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder: Path) -> dict[str, str]:
    """Whatever in a folder others may read, write or enter, and how."""
    paths = [folder, *folder.rglob("*")]
    return {str(path): oct(mode(path)) for path in paths if mode(path) & 0o077 and not path.is_symlink()}


@contextmanager
def running(server: OwnRedis) -> Iterator[OwnRedis]:
    with subprocess.Popen(server.program.argv, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(server.program.stdin)
        process.stdin.close()
        try:
            until(server.answers, what="Redis answers")
            yield server
        finally:
            process.terminate()
            process.wait()
            server.close()


def listening_ports(pids: list[int]) -> set[int]:
    """Ports of TCP on which these processes listen."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A" and line[9] in inodes}


def test_a_cluster_keeps_everything_to_its_user_and_its_redis_has_no_port(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, env={"CARAVAN_KEYS": "true", "FLOWER_UNAUTHENTICATED_API": "true"})
    cluster.data.mkdir(mode=0o755)
    (cluster.data / "redis").mkdir(mode=0o755)
    (cluster.data / "redis" / "earlier.aof").write_text("of a release before")
    (cluster.data / "redis" / "earlier.aof").chmod(0o644)
    cluster.data.chmod(0o755)
    cluster.start()
    try:
        cluster.http.headers["Authorization"] = f"Bearer {(cluster.data / 'admin-key').read_text().strip()}"
        assert cluster.job(cluster.submit(chat("What is 3 + 4?"))["id"], wait=20)["status"] == "succeeded"
        files = {"file": ("in.jsonl", b"{}\n")}
        assert cluster.http.post("/v1/files", data={"purpose": "batch"}, files=files).status_code == 200
        assert open_to_others(cluster.data) == {}
        assert {path.name for path in cluster.data.iterdir()} >= {"admin-key", "files", "logs", "redis"}
        assert listening_ports(cluster.processes()) == {cluster.port, cluster.flower_port}
    finally:
        cluster.stop()
    assert list((cluster.data / "redis").glob("*.sock")) == []


def test_flower_and_celery_use_the_sockets_database_of_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "RedisSocket", broker.RedisSocket)  # as it is now, afterwards
    _read_the_sockets_database()
    with running(own_redis(tmp_path / "with a+b%20c")) as server:
        settings = Settings(redis_url=server.url)
        for url in (settings.redis_url, settings.celery_broker_url):
            with connect(url) as client:
                assert written_and_read(client)
        celery = create_celery(settings, queues=("demo",))
        with celery.connection_for_write() as connection:
            celery.send_task("any", queue="demo", connection=connection)
        with create_celery_for_flower(settings).connection_for_write() as connection:
            uri = connection.as_uri(include_password=True)
        assert asyncio.run(broker.Broker(uri).queues(["demo"])) == [{"name": "demo", "messages": 1}]
        with connect(settings.celery_broker_url) as client:
            assert client.llen("demo") == 1
        with connect(settings.redis_url) as client:
            assert client.dbsize() == 0


def test_a_path_too_long_for_a_socket_has_it_in_a_private_folder_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with running(own_redis(tmp_path / ("long" * 25))) as server:
        assert server.runtime is not None
        folder = Path(server.runtime.name)
        assert mode(folder) == 0o700
        (path,) = folder.iterdir()
        assert mode(path) == 0o600
    assert not folder.exists()


def test_a_server_that_ends_late_does_not_take_its_successors_socket(tmp_path: Path) -> None:
    """One that was told to stop when its supervisor was killed may end after the next has begun."""
    first = own_redis(tmp_path)
    with running(first):
        first.lock.release()  # as the kernel does when the supervisor is killed
        second = own_redis(tmp_path)
        assert second.url != first.url
        second.close()
    with running(own_redis(tmp_path)) as third, redis.Redis.from_url(third.url) as client:
        assert client.ping()


def test_what_killed_servers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    left = tmp_path / "redis" / "0badcafe.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left)) if len(str(left)) < 100 else left.write_text("")
    server = own_redis(tmp_path)
    server.close()
    assert not left.exists()


def test_an_open_folder_is_mended_and_a_link_in_it_is_not_followed(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data / "redis" / "appendonlydir").mkdir(parents=True)
    (data / "logs").mkdir()
    for path in (data / "redis" / "appendonlydir" / "a.aof", data / "logs" / "web.log", data / "admin-key", elsewhere):
        path.write_text("x")
        path.chmod(0o644)
    (data / "logs" / "link").symlink_to(elsewhere)
    mend(data)
    assert open_to_others(data) == {}
    assert mode(elsewhere) == 0o644


def test_what_is_not_the_clusters_stays_as_it_is_within_a_closed_folder(tmp_path: Path) -> None:
    """Somebody's project, where `--data .` was given."""
    tmp_path.chmod(0o755)
    (tmp_path / "script.sh").write_text("x")
    (tmp_path / "script.sh").chmod(0o755)
    mend(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "script.sh")) == (0o700, 0o755)


def test_a_folder_of_another_user_is_named_and_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: data.stat().st_uid + 1)
    with capture_logs() as logs:
        mend(data)
    assert [(entry["log_level"], entry["path"]) for entry in logs] == [("warning", str(data))]
    assert mode(data) == 0o755


def test_the_umask_is_given_back(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with private_umask():
            (tmp_path / "inside").write_text("")
        (tmp_path / "after").write_text("")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "inside"), mode(tmp_path / "after")) == (0o600, 0o644)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(("asked", "most"), [("3mb", 3 << 20), (None, None)])
def test_the_redis_refuses_before_the_machine_has_no_memory_left(
    tmp_path: Path, asked: str | None, most: int | None
) -> None:
    room = read_room()
    assert room is not None
    with running(own_redis(tmp_path, memory=asked)) as server, redis.Redis.from_url(server.url) as client:
        assert int(client.config_get("maxmemory")["maxmemory"]) == (most or room.total // 2)
