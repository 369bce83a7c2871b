"""A group of servers behind sentinels: who is let in, and what is told of a URL that leads nowhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from app.cli import main
from app.cli.flower import _count_at_the_primary
from app.doctor.redis_access import look
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.ledger.ledger import open_ledger
from tasks.ledger.scripts import Scripts
from tasks.queue.celery_app import create_celery, create_celery_for_flower
from tasks.queue.publisher import create_publisher
from tasks.queue.task_names import RUN_JOB
from tasks.settings import Settings
from tasks.urls import sentinels
from tests.support.fronts import front
from tests.support.sentinels import NAME, Group, executable
from tests.support.waiting import until

PASSWORD, OWN = "of-the-servers", "of-the-sentinels"

pytestmark = pytest.mark.skipif(executable() is None, reason="no redis-server on the PATH can be a sentinel")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    running = Group(
        tmp_path_factory.mktemp("group") / "redis", replicas=0, sentinels=1, password=PASSWORD, sentinel_password=OWN
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARAVAN_REDIS_URL", raising=False)


@pytest.fixture
def settings(group: Group) -> Settings:
    return Settings(redis_url=group.url, sentinel_password=OWN)


def refused(url: str) -> str:
    result = CliRunner().invoke(main, ["up", "--redis-url", url])
    assert result.exit_code == 2
    sentence = result.stderr.splitlines()[-1]
    assert PASSWORD not in sentence
    assert OWN not in sentence
    return sentence


def test_ledger_and_broker_are_two_databases_of_the_primary(settings: Settings, group: Group) -> None:
    with connect(settings.ledger_url) as client:
        client.set("ledger", 1)
        assert client.role()[0] == "master"
    assert create_publisher(settings).publish_many(RUN_JOB, ["job-1"], queue="model")
    celery = create_celery(settings)
    with celery.connection_for_read() as connection:
        assert connection.default_channel.client.llen("model") == 1
        assert connection.default_channel.client.exists("ledger") == 0
    for url in (str(celery.conf.broker_url), repr(celery.conf.broker_transport_options)):
        assert OWN not in url


def test_a_front_behind_sentinels_is_ready(settings: Settings) -> None:
    assert front(settings).get("/readyz").status_code == 200


def test_flower_counts_in_the_brokers_database_of_the_primary(settings: Settings, monkeypatch: Any) -> None:
    from flower.utils import broker

    for name in ("Redis", "RedisSsl"):
        monkeypatch.setattr(broker, name, getattr(broker, name))
    found = sentinels(settings.celery_broker_url)
    assert found
    _count_at_the_primary(settings.celery_broker_url, found)
    with connect(settings.celery_broker_url) as client:
        client.lpush("counted", "a", "b")
    counting = broker.Broker(create_celery_for_flower(settings).conf.broker_url, broker_options={})
    (found,) = asyncio.run(counting.queues(["counted"]))
    assert found == {"name": "counted", "messages": 2}


def test_sentinels_ask_for_a_login_of_their_own(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lets nobody in" in refused(group.url)
    monkeypatch.setenv("CARAVAN_SENTINEL_PASSWORD", "another")
    sentence = refused(group.url)
    assert "Set CARAVAN_SENTINEL_PASSWORD, or correct it." in sentence
    monkeypatch.setenv("CARAVAN_SENTINEL_PASSWORD", OWN)
    assert "refuses the password. Correct it in the URL" in refused(group.url.replace(PASSWORD, "wrong"))


def test_one_sentinel_that_knows_is_enough(settings: Settings, group: Group) -> None:
    with connect(settings.ledger_url.replace("127.0.0.1:", "127.0.0.1:9,nobody.invalid,127.0.0.1:", 1)) as client:
        assert client.role()[0] == "master"


def test_a_name_that_no_sentinel_watches_is_told(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_SENTINEL_PASSWORD", OWN)
    sentence = refused(group.url.replace(f"/{NAME}/", "/other/"))
    assert "watches no 'other'" in sentence
    assert "correct the sentinels' addresses and the name behind them" in sentence


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://127.0.0.1:9,127.0.0.1:10/caravan/0", "No Redis answers at 127.0.0.1:9,127.0.0.1:10/caravan"),
        ("redis+sentinel://127.0.0.1:26379", "is not redis+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE"),
        ("sentinel://127.0.0.1:26379/caravan", "is not redis+sentinel://"),
        ("redis+sentinel://h/caravan/0?sentinel_password=x", "'redis+sentinel://h/caravan/0?sentinel_password=***'"),
        ("redis+sentinel://h/caravan/0?sentinel_password=x", "with no options but client_name"),
        ("redis+sentinel://h/caravan/0?retry=3", "with no options but client_name"),
        ("redis+sentinel://:p@ss@h/caravan/0", "'redis+sentinel://***@h/caravan/0' is not redis+sentinel://"),
    ],
)
def test_what_is_to_be_mended_in_a_url_is_told(url: str, said: str) -> None:
    assert said in refused(url)


def test_the_doctor_looks_at_the_primary(settings: Settings) -> None:
    findings = {each.check: each for each in look(settings.ledger_url, settings.celery_broker_url)}
    assert f"/{NAME}, database 1: written and read" in findings["broker database"].found
    assert f"/{NAME}" in findings["redis"].found
    assert not any(PASSWORD in each.found or OWN in each.found for each in findings.values())


def test_a_demoted_primary_is_away_and_not_at_fault(group: Group, settings: Settings) -> None:
    """A write that it refuses, and one within a script, count as an absence; so does a connection to it."""
    client, port = connect(settings.ledger_url), group.primary()
    open_ledger(settings)
    run = Scripts(client)
    run("lead", "me", 1)
    group.demote()
    try:
        with pytest.raises(UNAVAILABLE):
            run("lead", "me", 1)
        with pytest.raises(UNAVAILABLE, match="is not the primary"):
            client.set("a", 1)
        assert not create_publisher(settings).publish_many(RUN_JOB, ["job-2"], queue="model")
    finally:
        with redis.Redis(port=port, password=PASSWORD) as direct:
            direct.replicaof("NO", "ONE")
    until(lambda: client.role()[0] == "master", what="it is the primary again")
    client.close()


def test_nobody_watches_once_all_connections_are_closed(settings: Settings) -> None:
    def watching() -> set[int | None]:
        return {thread.ident for thread in threading.enumerate() if thread.name == "primary"}

    before = watching()
    with connect(settings.ledger_url) as client:
        client.ping()
        (started,) = watching() - before
    until(lambda: started not in watching(), what="the watch ends")
