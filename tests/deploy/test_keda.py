"""The chart's triggers, asked as KEDA asks: jobs of every priority count, and a sleeping model wakes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tasks.ledger.connection import connect
from tasks.ledger.ledger import open_ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.job import Job, Priority
from tasks.settings import Settings
from tests.deploy.chart import CHART, Object, of_kind, render
from tests.support.crew import Crew
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

LENGTH = """
local listName = KEYS[1]
local listType = redis.call('type', listName).ok
local cmd = { zset = 'zcard', set = 'scard', list = 'llen', hash = 'hlen', none = 'llen' }
return redis.call(cmd[listType], listName)
"""
"""How KEDA 2.17 measures a list (pkg/scalers/redis_scaler.go, NewRedisScaler): a string is an error to it."""

KEEP_ALIVE = 1.5


class Keda:
    """One ScaledObject of the rendered chart, over a real Redis."""

    def __init__(self, scaled: Object, client: redis.Redis) -> None:
        self._spec, self._redis = scaled["spec"], client

    def lengths(self) -> list[int]:
        """Of each trigger's list; raises ResponseError where KEDA's scaler would fail."""
        return [int(self._redis.eval(LENGTH, 1, each["metadata"]["listName"])) for each in self._spec["triggers"]]

    def replicas(self) -> int:
        """What KEDA and the autoscaler that it drives come to: none without a sign of work, else the largest demand."""
        lengths = self.lengths()
        targets = [int(each["metadata"]["listLength"]) for each in self._spec["triggers"]]
        wanted = max(math.ceil(length / target) for length, target in zip(lengths, targets, strict=True))
        least, most = int(self._spec["minReplicaCount"]), int(self._spec["maxReplicaCount"])
        return max(least, min(wanted, most))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    found = RedisServer(tmp_path / "redis")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    found = connect(server.url)
    yield found
    found.close()


@pytest.fixture
def queue(server: RedisServer) -> QueueService:
    settings = Settings(redis_url=server.url)
    store = open_ledger(settings)
    dispatcher = Dispatcher(store.line, create_publisher(settings))
    return QueueService(store.admission, store.wants, dispatcher, longest_queue=1000, keep_alive=lambda _: KEEP_ALIVE)


@pytest.fixture
def keda(client: redis.Redis, tmp_path: Path) -> Keda:
    model = {"name": "fake", "path": "demo", "slots": 4, "workers": {"min": 0, "max": 3}}
    objects = render({"keda": {"enabled": True}, "models": [model]}, folder=tmp_path)
    return Keda(of_kind(objects, "ScaledObject")["caravan-worker-fake"], client)


def submit(queue: QueueService, priority: Priority = Priority.NORMAL, **options: Any) -> Job:
    job = completion(priority=priority, **options)
    queue.submit(job)
    return job


def test_a_model_without_jobs_has_no_workers(keda: Keda) -> None:
    assert keda.lengths() == [0, 0]
    assert keda.replicas() == 0


@pytest.mark.parametrize("priority", list(Priority))
def test_one_job_of_any_priority_wakes_a_model(keda: Keda, queue: QueueService, priority: Priority) -> None:
    submit(queue, priority)
    assert keda.replicas() == 1


def test_jobs_of_all_priorities_and_those_that_run_count(tmp_path: Path, server: RedisServer, keda: Keda) -> None:
    crew = Crew(tmp_path, server, slots=4)
    try:
        crew.start("w1")
        running = [crew.submit(f"run {number}") for number in range(4)]
        crew.until(lambda: crew.all_run(running), what="four jobs run")
        queued = [completion(priority=priority) for priority in Priority]
        for job in queued:
            crew._submitter.submit(job)
        assert keda.lengths()[0] == len(running) + len(queued)
        assert keda.replicas() == 2
        crew.ended([*running, *queued])
        assert keda.lengths()[0] == 0
    finally:
        crew.stop()


def test_there_are_never_more_workers_than_the_chart_allows(keda: Keda, queue: QueueService) -> None:
    for _ in range(30):
        submit(queue)
    assert keda.replicas() == 3


def test_a_model_stays_for_its_keep_alive_after_the_last_job(keda: Keda, queue: QueueService) -> None:
    job = submit(queue)
    queue.cancel(job.id, owner=job.owner)
    assert keda.lengths() == [0, 1]
    assert keda.replicas() == 1
    until(lambda: keda.replicas() == 0, seconds=10, what="the want runs out")


def test_a_job_within_the_keep_alive_prolongs_it(keda: Keda, client: redis.Redis, queue: QueueService) -> None:
    submit(queue)
    until(lambda: 0 < client.pttl("caravan:want:fake") < KEEP_ALIVE * 700, what="some of the time is over")
    submit(queue)
    assert client.pttl("caravan:want:fake") > KEEP_ALIVE * 900


def test_a_model_that_is_asked_for_wakes_without_a_job(keda: Keda, queue: QueueService) -> None:
    queue.load("fake")
    assert keda.lengths() == [0, 1]
    assert keda.replicas() == 1


def test_a_load_that_takes_longer_than_the_keep_alive_is_waited_for(
    keda: Keda, client: redis.Redis, queue: QueueService, server: RedisServer
) -> None:
    """The worker says so while it loads, and begins the keep-alive when it has loaded the model."""
    workers = open_ledger(Settings(redis_url=server.url), client).workers
    queue.load("fake")
    workers.keep_wanted("fake", 10 * KEEP_ALIVE, loaded=False)
    assert client.pttl("caravan:want:fake") > KEEP_ALIVE * 9000
    workers.keep_wanted("fake", KEEP_ALIVE, loaded=True)
    assert 0 < client.pttl("caravan:want:fake") <= KEEP_ALIVE * 1000
    assert keda.replicas() == 1
    client.delete("caravan:want:fake")
    workers.keep_wanted("fake", KEEP_ALIVE, loaded=False)
    assert keda.replicas() == 0
    workers.keep_wanted("fake", KEEP_ALIVE, loaded=True)
    assert keda.replicas() == 1


def test_a_model_that_was_unloaded_while_it_loaded_is_not_wanted_again(
    keda: Keda, client: redis.Redis, queue: QueueService, server: RedisServer
) -> None:
    queue.load("fake")
    queue.unload("fake")
    workers = open_ledger(Settings(redis_url=server.url), client).workers
    for loaded in (False, True):
        workers.keep_wanted("fake", KEEP_ALIVE, loaded=loaded)
    assert keda.replicas() == 0


def test_a_want_that_redis_refuses_does_not_refuse_the_job(
    keda: Keda, client: redis.Redis, queue: QueueService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis goes away between the job's acceptance and the want."""

    def away(*_args: object) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr("tasks.ledger.wants.Wants.want", away)
    submit(queue)
    assert keda.lengths() == [1, 0]
    assert keda.replicas() == 1


def test_the_triggers_ask_the_ledgers_database_with_the_password(tmp_path: Path) -> None:
    objects = render(None, CHART / "values-gpu.yaml", CHART / "ci" / "minimal-values.yaml")
    for scaled in of_kind(objects, "ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["metadata"]["databaseIndex"] == "0"
            assert trigger["metadata"]["address"] == "caravan-redis.default.svc:6379"
            assert trigger["authenticationRef"]["name"] in of_kind(objects, "TriggerAuthentication")


def test_an_external_redis_is_asked_as_the_values_say(tmp_path: Path) -> None:
    external = {"urlSecret": {"name": "r"}, "address": "r.test:6380", "database": 4, "tls": True}
    values = {"keda": {"enabled": True}, "redis": {"builtin": False, "external": external}}
    for scaled in of_kind(render(values, folder=tmp_path), "ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["metadata"]["address"] == "r.test:6380"
            assert trigger["metadata"]["databaseIndex"] == "4"
            assert trigger["metadata"]["enableTLS"] == "true"
            assert "authenticationRef" not in trigger


def test_sentinels_are_asked_for_the_primary_with_a_password_of_their_own(tmp_path: Path) -> None:
    sentinel = {"name": "main", "addresses": ["a.test:26379", "b.test:26380"], "passwordSecret": {"name": "s"}}
    external = {"urlSecret": {"name": "r"}, "passwordSecret": {"name": "p"}, "sentinel": sentinel, "database": 2}
    values = {"keda": {"enabled": True}, "redis": {"builtin": False, "external": external}}
    objects = render(values, folder=tmp_path)
    (login,) = of_kind(objects, "TriggerAuthentication").values()
    assert login["spec"]["secretTargetRef"] == [
        {"parameter": "password", "name": "p", "key": "password"},
        {"parameter": "sentinelPassword", "name": "s", "key": "sentinel-password"},
    ]
    for scaled in of_kind(objects, "ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["type"] == "redis-sentinel"
            asked = {name: value for name, value in trigger["metadata"].items() if not name.startswith("list")}
            assert asked == {
                "addresses": "a.test:26379,b.test:26380",
                "sentinelMaster": "main",
                "databaseIndex": "2",
                "enableTLS": "false",
            }
            assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
