"""What the harness reads from Redis itself, and what it does to its clients."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar, cast

import redis

from tasks.ledger import event_stream, redis_keys
from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.records.event import Cursor, Event
from tests.fault.chaos.cluster import MODEL

T = TypeVar("T")

PATIENCE_SECONDS = 60.0


class Ledger:
    """Both databases of the cluster. Every read is repeated while Redis is away. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._broker = connect(url.removesuffix("/0") + "/1")

    def stream(self, job_id: str) -> list[Event]:
        """All events of a job."""
        return _insist(lambda: event_stream.read(self._redis, job_id))

    def decoding(self, worker: str, pid: int | None) -> dict[str, int]:
        """The jobs that a worker's process is decoding, with their fences: those with tokens under the present one.

        None of them if the worker was last reported by another process: then these are jobs that died with that one.
        """
        return _insist(lambda: self._decoding(worker, pid))

    def workers(self) -> dict[str, dict[str, str]]:
        """The live workers' reports by name."""
        found = _insist(lambda: cast("list[str]", self._redis.zrange(redis_keys.workers(MODEL), 0, -1)))
        reports = {name: _insist(partial(self._hash, redis_keys.worker(name))) for name in found}
        return {name: report for name, report in reports.items() if report}

    def totals(self) -> dict[str, int]:
        """Jobs accepted, and ended by status, of all priorities."""
        totals: dict[str, int] = defaultdict(int)
        for field, count in _insist(lambda: self._hash(redis_keys.totals(MODEL))).items():
            totals[field.partition(":")[0]] += int(count)
        return dict(totals)

    def dead_letters(self) -> list[str]:
        """Ids of jobs that count as deadly."""
        key = redis_keys.dead_letters(MODEL)
        return _insist(lambda: cast("list[str]", self._redis.zrange(key, 0, -1)))

    def queued(self) -> dict[str, int]:
        """Jobs in the line, by priority, as the ledger counts them."""
        counts = _insist(lambda: self._hash(redis_keys.queued_by_priority(MODEL)))
        return {priority: int(count) for priority, count in counts.items()}

    def keys(self) -> list[str]:
        """Every key of the ledger's database."""
        return _insist(lambda: list(cast("Iterator[str]", self._redis.scan_iter(count=1000))))

    def broker_keys(self) -> dict[str, int]:
        """Every key of the broker's database, with how many members it has (1 for a string)."""
        return _insist(lambda: {key: _size(self._broker, key) for key in self._broker.scan_iter(count=1000)})

    def cut(self, kind: str) -> None:
        """Break all connections of a kind, but for the one that asks."""
        _insist(lambda: self._redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"))  # type: ignore[no-untyped-call]

    def _decoding(self, worker: str, pid: int | None) -> dict[str, int]:
        if pid is None or self._redis.hget(redis_keys.worker(worker), "pid") != str(pid):
            return {}
        found = {}
        for job_id in cast("list[str]", self._redis.zrange(redis_keys.running(MODEL), 0, -1)):
            holder, fence = cast("list[str | None]", self._redis.hmget(redis_keys.job(job_id), ["worker", "fence"]))
            last = cast("list[tuple[str, object]]", self._redis.xrevrange(redis_keys.log(job_id), count=1))
            if holder == worker and last and fence:
                cursor = Cursor.parse(last[0][0])
                if cursor.fence == int(fence) and cursor.seq > 0:
                    found[job_id] = cursor.fence
        return found

    def _hash(self, key: str) -> dict[str, str]:
        return cast("dict[str, str]", self._redis.hgetall(key))


def _size(client: redis.Redis, key: str) -> int:
    counts: dict[str, Callable[[str], object]] = {
        "list": client.llen,
        "hash": client.hlen,
        "set": client.scard,
        "zset": client.zcard,
    }
    count = counts.get(cast("str", client.type(key)))
    return cast("int", count(key)) if count else 1


def _insist(call: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except UNAVAILABLE:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
