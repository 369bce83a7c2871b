"""Workers are killed and Redis goes away while models.yaml is read again: every accepted job ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.test_reload import FIRST, SECOND, body, file, loaded
from tests.e2e.test_scaling import cluster, names, state, submit_many, succeed
from tests.support.cluster import Cluster
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def made(tmp_path: Path, own_server: RedisServer) -> Iterator[Cluster]:
    running = cluster(tmp_path, FIRST, options=["--redis-url", own_server.url], CARAVAN_LEASE_SECONDS="4")
    with loaded(running) as found:
        yield found


def kill(made: Cluster, worker: str) -> None:
    """Kill both processes of a worker."""
    for pid in made.pids_of(worker):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_roll_ends_though_its_workers_are_killed(made: Cluster) -> None:
    ids = submit_many(made, [body("one", 400)] * 8 + [body("two", 300)] * 6)
    until(lambda: state(made, "two")["running"] > 0, seconds=20, what="jobs run")
    file(made).write_text(SECOND)
    both = [threading.Thread(target=made.http.post, args=("/models/reload",)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    until(lambda: "one-2" in names(made), seconds=20, what="the new one is loaded")
    for worker in ("one-1", "two-1", "one-2"):  # the old one, one of a model that leaves, the new one
        kill(made, worker)
    succeed(made, ids, seconds=90)
    until(lambda: names(made) == {"one-2", "new-1", "kept-1"}, seconds=60, what="the workers are those of the file")


def test_redis_may_be_away_meanwhile(made: Cluster, own_server: RedisServer) -> None:
    ids = submit_many(made, [body("one", 200)] * 6 + [body("two", 200)] * 4)
    until(lambda: state(made, "two")["running"] > 0, seconds=20, what="jobs run")
    own_server.kill()
    file(made).write_text(SECOND)
    os.kill(made.process.pid, signal.SIGHUP)
    until(lambda: "new was added; two was removed" in made.process.output(), seconds=10, what="it is read")
    time.sleep(8)
    own_server.start()
    succeed(made, ids, seconds=90)
    until(lambda: names(made) == {"one-2", "new-1", "kept-1"}, seconds=60, what="the workers are those of the file")
