"""Prometheus figures that are read from the ledger, so that any web process tells them of the whole cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tasks import overview
from tasks.redis_client import UNAVAILABLE

WORKER_COUNTERS = {
    "steps": "Steps in which a worker's engine generated tokens.",
    "step_sequences": "Sequences that got a token, summed over steps; divided by the steps it is the mean batch.",
    "prompt_tokens": "Prompt tokens run.",
    "generated_tokens": "Tokens generated.",
    "set_back": "Sequences set back because the KV cache was full.",
    "outranked": "Sequences that gave their slots to more urgent ones.",
    "cached_tokens": "Prompt tokens that were taken from a shared prefix and not computed.",
    "queue_seconds": "Seconds that sequences waited in a worker for a slot, summed over them.",
    "decode_seconds": "Seconds in steps that only decode.",
    "prefill_seconds": "Seconds in steps with tokens of prompts.",
}
WORKER_GAUGES = {
    "slots": "Sequences that a worker decodes together.",
    "busy": "Slots in use.",
    "held": "Jobs that a worker has claimed.",
    "tokens_per_second": "Tokens generated in the last second with work.",
    "cells_used": "KV cells that hold tokens, kept prefixes included.",
    "memory_bytes": "Most memory that a worker has had resident.",
}


class LedgerCollector(Collector):
    """Queues and workers at the time of a scrape; only ``caravan_redis_up 0`` while Redis is away."""

    def __init__(self, client: redis.Redis, models: Iterable[str]) -> None:
        self._redis = client
        self._models = tuple(models)

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not reach for Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            metrics = [*self._queues(), *self._workers()]
        except UNAVAILABLE:
            metrics = []
        yield GaugeMetricFamily("caravan_redis_up", "Whether the ledger answered this scrape.", value=bool(metrics))
        yield from metrics

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("caravan_queue_depth", "Jobs that wait.", labels=["model", "priority"])
        running = GaugeMetricFamily("caravan_jobs_running", "Jobs that workers hold.", labels=["model"])
        oldest = GaugeMetricFamily(
            "caravan_queue_oldest_age_seconds", "Age of the oldest job that has not ended.", labels=["model"]
        )
        total = CounterMetricFamily(
            "caravan_jobs", "Jobs accepted, and jobs ended by status.", labels=["model", "status"]
        )
        for queue in overview.queues(self._redis, self._models):
            for priority, count in queue.queued.items():
                depth.add_metric([queue.model, priority], count)
            running.add_metric([queue.model], queue.running)
            oldest.add_metric([queue.model], queue.oldest_age_seconds)
            for status, count in sorted(queue.totals.items()):
                total.add_metric([queue.model, status], count)
        yield from (depth, running, oldest, total)

    def _workers(self) -> Iterator[Metric]:
        found = overview.workers(self._redis, self._models)
        for name, text in WORKER_COUNTERS.items():
            yield _family(CounterMetricFamily(f"caravan_worker_{name}", text, labels=["model", "worker"]), name, found)
        for name, text in WORKER_GAUGES.items():
            yield _family(GaugeMetricFamily(f"caravan_worker_{name}", text, labels=["model", "worker"]), name, found)


def _family(
    family: CounterMetricFamily | GaugeMetricFamily, figure: str, workers: Iterable[overview.WorkerOverview]
) -> Metric:
    for worker in workers:
        family.add_metric([worker.model, worker.name], worker.figures[figure])
    return family
