"""What the faults happen to: workers around a Redis of each test's own, and one cluster that survives all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tasks.ledger import redis_keys
from tests.support.cluster import Cluster
from tests.support.crew import Crew, Ledger
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}
  fake: {path: fake, slots: 16, context: 512, kv_tokens: 8192}
"""


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    running = Crew(tmp_path, server)
    yield running
    running.stop()
    server.stop()


@pytest.fixture(scope="package")
def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path_factory.mktemp("cluster") / "redis")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def lasting_cluster(tmp_path_factory: pytest.TempPathFactory, lasting_server: RedisServer) -> Iterator[Cluster]:
    running = Cluster(
        tmp_path_factory.mktemp("cluster"),
        models=MODELS,
        env={"CARAVAN_THREADS": "1", "CARAVAN_LEASE_SECONDS": "6", "CARAVAN_DRAIN_SECONDS": "1"},
        options=["--redis-url", lasting_server.url],
    )
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, for a cluster of its own."""
    running = RedisServer(tmp_path / "redis")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def server(lasting_server: RedisServer) -> Iterator[RedisServer]:
    """The cluster's Redis. Whatever a test does to it is mended."""
    yield lasting_server
    lasting_server.mend()


@pytest.fixture
def cluster(lasting_cluster: Cluster, server: RedisServer) -> Iterator[Cluster]:
    """The cluster. Whatever happens to its Redis, none of its processes dies, and what it accepted ends."""
    before = set(lasting_cluster.processes())
    yield lasting_cluster
    assert set(lasting_cluster.processes()) == before
    server.mend()
    with redis.Redis(port=server.port) as client:
        until(
            lambda: not any(client.zcard(redis_keys.pending(model)) for model in ("demo", "fake")), what="all has ended"
        )


@pytest.fixture
def ledger(server: RedisServer) -> Iterator[Ledger]:
    reading = Ledger(server.url)
    yield reading
    reading.close()
