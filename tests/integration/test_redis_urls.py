"""The URL of Redis: both databases have to be usable, and each part of it means the same to all who connect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kombu.exceptions import OperationalError

from app.cli import main
from tasks.ledger.connection import connect
from tasks.queue.celery_app import create_celery
from tasks.queue.transport import Channel, Transport
from tasks.settings import Settings
from tasks.urls import is_redis_url
from tests.support.fronts import front
from tests.support.redis_server import RedisServer


@pytest.fixture
def one_database(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", options=["--databases", "1"])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sixteen(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis16")
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("CARAVAN_")]:
        monkeypatch.delenv(name)


def refused(url: str) -> str:
    result = CliRunner().invoke(main, ["up", "--redis-url", url])
    assert result.exit_code == 2
    return result.stderr.splitlines()[-1]


def test_a_redis_with_one_database_is_refused_before_anything_starts(one_database: RedisServer) -> None:
    sentence = refused(one_database.url)
    assert "broker database" in sentence
    assert "too few databases" in sentence
    assert "CARAVAN_BROKER_URL" in sentence


def test_the_last_database_of_a_redis_has_none_after_it(sixteen: RedisServer) -> None:
    broker = refused(f"redis://127.0.0.1:{sixteen.port}/15")
    assert "database 16: the server has too few databases" in broker
    assert "by CARAVAN_BROKER_URL (left out, it is the one after the ledger's)" in broker
    ledger = refused(f"redis://127.0.0.1:{sixteen.port}/40")
    assert "database 40: the server has too few databases. Name another one by --redis-url, or set" in ledger


def test_a_redis_that_wants_another_login_is_told_from_one_that_is_away(sixteen: RedisServer) -> None:
    with connect(sixteen.url) as client:
        client.config_set("requirepass", "hunter2")
    where = f"127.0.0.1:{sixteen.port}"
    assert f"The Redis at {where} asks for a password. Put it into the URL:" in refused(f"redis://{where}/0")
    assert f"{where} refuses the password. Correct it in the URL:" in refused(f"redis://:wrong@{where}/0")
    assert f"{where} refuses the user or the password." in refused(f"redis://me:wrong@{where}/0")


def test_a_login_is_left_out_where_none_is_asked_for(sixteen: RedisServer) -> None:
    assert "asks for no password. Leave it out of the URL" in refused(f"redis://:x@127.0.0.1:{sixteen.port}/0")


def test_a_redis_without_tls_is_told_to_one_who_writes_rediss(sixteen: RedisServer) -> None:
    assert "write redis:// instead of rediss://" in refused(f"rediss://127.0.0.1:{sixteen.port}/0")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "'' is not redis://HOST:PORT/DATABASE"),
        ("redis://127.0.0.1:9/0", "No Redis answers at 127.0.0.1:9: Connection refused. Start it, or correct the host"),
        ("redis://nobody.invalid:6379/0", "Correct the name of the host."),
        ("unix:///nowhere/redis.sock", "No Redis answers at /nowhere/redis.sock: No such file or directory. Start it"),
        ("redis://127.0.0.1:9/0?nonsense=1", "with no options but client_name, "),
    ],
)
def test_what_is_to_be_mended_in_a_url_is_told_once(url: str, said: str) -> None:
    sentence = refused(url)
    assert said in sentence
    assert "Error " not in sentence.removeprefix("Error: ")


def test_a_front_without_a_broker_is_not_ready(one_database: RedisServer) -> None:
    answer = front(Settings(redis_url=one_database.url)).get("/readyz")
    assert answer.status_code == 503
    assert "broker's database" in answer.json["error"]["message"]  # type: ignore[index]


def test_a_front_with_both_databases_is_ready(sixteen: RedisServer) -> None:
    assert front(Settings(redis_url=sixteen.url)).get("/readyz").status_code == 200


def test_options_of_the_url_reach_celerys_connections_with_their_types(sixteen: RedisServer) -> None:
    url = f"{sixteen.url}?health_check_interval=7&socket_connect_timeout=3&client_name=me"
    celery = create_celery(Settings(redis_url=url))
    with celery.connection_for_write() as connection:
        made = connection.default_channel._connparams()
        assert made["health_check_interval"] == 7
        assert made["socket_connect_timeout"] == 3.0
        assert made["client_name"] == "me"
        assert made["db"] == 1


@pytest.mark.parametrize(
    ("url", "connects_to"),
    [
        ("redis://127.0.0.1:1/0", {"host": "127.0.0.1", "db": 1}),
        ("rediss://127.0.0.1:1/0", {"host": "127.0.0.1", "db": 1}),
        ("unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 3}),
    ],
)
def test_celery_has_our_transport_wherever_redis_is(url: str, connects_to: dict[str, Any]) -> None:
    """Of a socket's URL kombu takes the transport that it names, in the place of the one in the settings."""
    connection = create_celery(Settings(redis_url=url)).connection_for_write()
    assert connection.get_transport_cls() is Transport
    transport = connection.create_transport()
    channel = Channel.__new__(Channel)
    channel.connection = transport
    made = channel._connparams()
    assert {name: made[name] for name in connects_to} == connects_to


def test_a_worker_looks_for_its_broker_every_half_second() -> None:
    waits: list[float] = []
    connection = create_celery(Settings(redis_url="redis://127.0.0.1:1/0")).connection_for_read()
    with pytest.raises(OperationalError):
        connection.ensure_connection(lambda _, seconds: waits.append(seconds), 3)
    assert waits == [0.5] * 3


def test_options_of_tls_reach_celery() -> None:
    celery = create_celery(Settings(redis_url="rediss://h:1/0?ssl_ca_certs=/ca.pem"))
    assert celery.conf.broker_use_ssl == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"}
    assert "?" not in celery.conf.broker_url


@pytest.mark.parametrize("option", ["db=3", "password=x", "decode_responses=no", "protocol=3", "nonsense=1"])
def test_an_option_that_would_mean_different_things_is_refused(sixteen: RedisServer, option: str) -> None:
    assert "redis://HOST:PORT/DATABASE" in refused(f"{sixteen.url}?{option}")


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pa#ss@127.0.0.1:6379/0",
        "redis://:pa?ss@127.0.0.1:6379/0",
        "redis://:pa/ss@127.0.0.1:6379/0",
        "redis://me:12#34@127.0.0.1:6379/0",
        "redis://:p@ss#1@127.0.0.1:6379/0",
        "redis:///0",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(url: str) -> None:
    assert not is_redis_url(url)
    sentence = refused(url)
    assert not any(piece in sentence for piece in ("pa#", "pa?", "pa/", "12#", "ss@", "p@ss", ":pa", ":12"))


def test_a_password_that_is_percent_encoded_is_taken() -> None:
    assert is_redis_url("redis://:pa%23ss%2F%3F%40@127.0.0.1:6379/0")
