"""What tests with real workers have in common: a Redis beside the cluster, jobs, and values for live nodes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.job import Job
from tasks.settings import Settings
from tests.cluster.api import Api
from tests.deploy.chart import Object
from tests.support.crew import Ledger
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer

SECRET = "outside"


def with_redis(api: Api, namespace: str, redis: RedisServer) -> None:
    """The secret that `values` name."""
    metadata, texts = {"name": SECRET, "namespace": namespace}, {"url": redis.url, "password": redis.password}
    api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": texts})


def values(redis: RedisServer, model: Object, *, leave_seconds: int | None = None, **more: Object) -> Object:
    """Of a release whose workers of one model are on live nodes, with a card each.

    `leave_seconds` is how long they stay on a node that is not ready, if not as long as others.
    """
    secret = {"name": SECRET}
    external = {"urlSecret": secret, "address": f"127.0.0.1:{redis.port}", "passwordSecret": secret}
    return {
        "redis": {"builtin": False, "external": external},
        "workers": {
            "gpu": {"count": 1},
            "nodeSelector": {"live": "true"},
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                *([] if leave_seconds is None else map(partial(_stays, leave_seconds), ("not-ready", "unreachable"))),
            ],
            "drainSeconds": 3,
        },
        "models": [model],
        "settings": {"CARAVAN_LEASE_SECONDS": "4", "CARAVAN_UNCLAIMED_SECONDS": "2", "CARAVAN_THREADS": "1"},
        **more,
    }


def _stays(seconds: int, condition: str) -> Object:
    key = f"node.kubernetes.io/{condition}"
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}


class Load(Ledger):
    """Jobs of the fake model, as a web front accepts them. Each wants a worker for `keep_alive` seconds."""

    def __init__(self, url: str, *, keep_alive: float = 1.0) -> None:
        super().__init__(url)
        dispatcher = Dispatcher(self.store.line, create_publisher(Settings(redis_url=url)))
        self._queue = QueueService(
            self.store.admission, self.store.wants, dispatcher, longest_queue=2000, keep_alive=lambda _: keep_alive
        )

    def submit(self, count: int, *, tokens: int) -> list[Job]:
        jobs = [
            completion(f"job {number}", sampling={"max_tokens": tokens, "ignore_eos": True}) for number in range(count)
        ]
        for job in jobs:
            self._queue.submit(job)
        return jobs

    def forget(self, jobs: Iterable[Job]) -> None:
        self._queue.forget_many([job.id for job in jobs])
