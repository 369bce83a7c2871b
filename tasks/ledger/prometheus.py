"""Prometheus figures that are read from the ledger, so that any web process tells them of the whole cluster.

A histogram is told from the first job of its model and priority on: from its acceptance, so that a scrape may find it
at 0 before the job has ended. Histograms of all priorities would be nine tenths of the page.

What the ledger counts (`lua/lib/count.lua`) outlives every process. What a worker counts goes with it: that
is right for rates, which are all that those figures are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tasks.ledger import overview
from tasks.ledger.histograms import BOUNDS, BY_PRIORITY, DURATIONS, TOLD
from tasks.logs import get_logger
from tasks.records.job import JobStatus, Priority, QueueState

WORKER_COUNTERS = {
    "steps": "Steps in which a worker's engine generated tokens.",
    "step_sequences": "Sequences that got a token, summed over steps; divided by the steps it is the mean batch.",
    "prompt_tokens": "Prompt tokens run.",
    "generated_tokens": "Tokens generated.",
    "drafted_tokens": "Tokens drafted, and run to check them.",
    "accepted_tokens": "Drafted tokens that were the ones to come.",
    "set_back": "Sequences set back because the KV cache was full.",
    "outranked": "Sequences that gave their slots to more urgent ones.",
    "shared_out": "Sequences that gave their slots to owners, or jobs, that had fewer.",
    "cached_tokens": "Prompt tokens that were taken from a shared prefix and not computed.",
    "restored_tokens": "Tokens that came back from the prefix cache, beyond the cells.",
    "cache_hits": "Sequences whose beginnings came back from the prefix cache.",
    "cache_evictions": "Pages of the prefix cache that left memory for others.",
    "cache_refused": "Files of the prefix cache that were torn or foreign, and were deleted.",
    "queue_seconds": "Seconds that sequences waited in a worker for a slot, summed over them.",
    "decode_seconds": "Seconds in steps that only decode.",
    "prefill_seconds": "Seconds in steps with tokens of prompts.",
    "redis_errors": "Calls of a worker that Redis did not carry out.",
}
WORKER_GAUGES = {
    "slots": "Sequences that a worker decodes together.",
    "busy": "Slots in use.",
    "held": "Jobs that a worker has claimed.",
    "tokens_per_second": "Tokens generated in the last second with work.",
    "cells": "KV cells that a worker has.",
    "cells_used": "KV cells that hold tokens, kept prefixes included.",
    "cache_pages": "Pages of 64 tokens that the prefix cache has in memory.",
    "cache_bytes": "Memory that the prefix cache takes.",
    "cache_folder_bytes": "Bytes of the prefix cache's folder, as this worker knows it.",
    "memory_bytes": "Most memory that a worker has had resident.",
}
GIVEN_BACK = ("crashed", "killed", "lease_expired", "worker_restarted", "outranked", "drained", "failed")
"""Why a running job went back to the line: the first four are deaths of workers, the fifth is a preemption."""

TOKENS = ("prompt", "cached", "completion")
"""Cached ones are prompt tokens as well."""

log = get_logger(__name__)


class LedgerCollector(Collector):
    """The cluster at the time of a scrape; only ``caravan_redis_up 0`` while Redis is away."""

    def __init__(self, client: redis.Redis, models: Iterable[str]) -> None:
        self._redis = client
        self._models = tuple(models)

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not reach for Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            metrics = [*self._queues(), *self._counts(), *self._workers(), *self._webhooks(), *self._memory()]
        except redis.RedisError as exc:
            log.warning("the ledger is not scraped", error=str(exc))
            metrics = []
        yield GaugeMetricFamily("caravan_redis_up", "Whether the ledger answered this scrape.", value=bool(metrics))
        yield from metrics

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("caravan_queue_depth", "Jobs that wait.", labels=["model", "priority"])
        running = GaugeMetricFamily("caravan_jobs_running", "Jobs that workers hold.", labels=["model"])
        oldest = GaugeMetricFamily(
            "caravan_queue_oldest_age_seconds", "Age of the oldest job that has not ended.", labels=["model"]
        )
        is_open = GaugeMetricFamily(
            "caravan_queue_open", "Whether a queue is open, and not paused or draining.", labels=["model"]
        )
        for queue in overview.queues(self._redis, self._models):
            for priority, count in queue.queued.items():
                depth.add_metric([queue.model, priority], count)
            running.add_metric([queue.model], queue.running)
            oldest.add_metric([queue.model], queue.oldest_age_seconds)
            is_open.add_metric([queue.model], queue.state is QueueState.OPEN)
        yield from (depth, running, oldest, is_open)

    def _counts(self) -> Iterator[Metric]:
        jobs = CounterMetricFamily(
            "caravan_jobs", "Jobs accepted, and jobs ended by status.", labels=["model", "status", "priority"]
        )
        given_back = CounterMetricFamily(
            "caravan_jobs_given_back", "Running jobs that went back to the line.", labels=["model", "reason"]
        )
        resumed = CounterMetricFamily(
            "caravan_jobs_resumed", "Jobs that a worker took up at their next token.", labels=["model"]
        )
        buried = CounterMetricFamily(
            "caravan_dead_letters", "Jobs that failed because workers died of them.", labels=["model"]
        )
        kept = GaugeMetricFamily("caravan_dead_letters_kept", "Dead letters that have not expired.", labels=["model"])
        unclaimed = CounterMetricFamily(
            "caravan_messages_unclaimed", "Messages that no worker claimed in time.", labels=["model"]
        )
        removed = CounterMetricFamily(
            "caravan_jobs_removed_early", "Ended jobs removed since their owner's took much of Redis.", labels=["model"]
        )
        answers = CounterMetricFamily(
            "caravan_answers", "Jobs whose answer was looked for among those that are kept.", labels=["model", "result"]
        )
        tokens = CounterMetricFamily("caravan_tokens", "Tokens of jobs that succeeded.", labels=["model", "kind"])
        histograms = {
            name: HistogramMetricFamily(f"caravan_job_{name}_seconds", text, labels=_labels(name))
            for name, text in DURATIONS.items()
        }
        for counts in overview.counts(self._redis, self._models):
            model, counters = [counts.model], counts.counters
            for status in ("accepted", *(status.value for status in JobStatus if status.ended)):
                for priority in Priority:
                    jobs.add_metric([*model, status, priority], counts.totals.get(f"{status}:{priority}", 0))
            for reason in GIVEN_BACK:
                given_back.add_metric([*model, reason], counters.get(f"given_back:{reason}", 0))
            resumed.add_metric(model, counters.get("resumed", 0))
            buried.add_metric(model, counters.get("dead_letters", 0))
            kept.add_metric(model, counts.dead_letters)
            unclaimed.add_metric(model, counters.get("unclaimed", 0))
            removed.add_metric(model, counters.get("removed_early", 0))
            looked_for = {result: counters.get(f"answers:{result}", 0) for result in ("hit", "miss")}
            for result, number in looked_for.items() if any(looked_for.values()) else ():
                answers.add_metric([*model, result], number)
            for kind in TOKENS:
                tokens.add_metric([*model, kind], counters.get(f"tokens:{kind}", 0))
            for name, histogram in histograms.items():
                for labels, priorities in _series(name):
                    buckets, seconds = _buckets(counts.histograms, name, priorities)
                    if buckets[-1][1] or any(counts.totals.get(f"accepted:{each}") for each in priorities):
                        histogram.add_metric([*model, *labels], buckets, seconds)
        yield from (jobs, given_back, resumed, buried, kept, unclaimed, removed, answers, tokens, *histograms.values())

    def _workers(self) -> Iterator[Metric]:
        found, crews = overview.workers(self._redis, self._models), overview.crews(self._redis, self._models)
        alive = GaugeMetricFamily("caravan_workers", "Workers that live.", labels=["model"])
        for model in self._models:
            alive.add_metric([model], crews[model].workers)
        yield alive
        failed = GaugeMetricFamily("caravan_model_failed", "Whether no worker can serve a model.", labels=["model"])
        for model, health in overview.health(self._redis, self._models).items():
            failed.add_metric([model], health.failed(serving=crews[model].workers > 0))
        yield failed
        for name, text in WORKER_COUNTERS.items():
            yield _family(CounterMetricFamily(f"caravan_worker_{name}", text, labels=["model", "worker"]), name, found)
        for name, text in WORKER_GAUGES.items():
            yield _family(GaugeMetricFamily(f"caravan_worker_{name}", text, labels=["model", "worker"]), name, found)

    def _webhooks(self) -> Iterator[Metric]:
        found = overview.webhooks(self._redis)
        yield GaugeMetricFamily("caravan_webhooks_pending", "Webhooks that are to be delivered.", value=found.pending)
        yield GaugeMetricFamily(
            "caravan_webhook_oldest_age_seconds",
            "Seconds since the end of the first job that a webhook has not been told of.",
            value=found.oldest_age_seconds,
        )
        ended = CounterMetricFamily("caravan_webhooks", "Webhooks delivered, and given up.", labels=["verdict"])
        for verdict in ("delivered", "given_up"):
            ended.add_metric([verdict], found.totals.get(verdict, 0))
        attempts = CounterMetricFamily(
            "caravan_webhook_attempts", "Attempts to deliver a webhook, by what came of them.", labels=["result"]
        )
        for field, count in sorted(found.totals.items()):
            if field.startswith("attempt:"):
                attempts.add_metric([field.removeprefix("attempt:")], count)
        yield from (ended, attempts)

    def _memory(self) -> Iterator[Metric]:
        used, most = overview.memory(self._redis)
        yield GaugeMetricFamily("caravan_redis_memory_bytes", "Memory that Redis uses.", value=used)
        yield GaugeMetricFamily("caravan_redis_memory_limit_bytes", "Memory that Redis may use; 0 is any.", value=most)


def _labels(duration: str) -> list[str]:
    return ["model", "priority"] if duration in BY_PRIORITY else ["model"]


def _series(duration: str) -> list[tuple[list[str], list[Priority]]]:
    """The series of a duration: their labels beside the model, and the priorities whose jobs they count."""
    if duration in BY_PRIORITY:
        return [([priority], [priority]) for priority in Priority]
    return [([], list(Priority))]


def _buckets(
    fields: Mapping[str, int], duration: str, priorities: Iterable[Priority]
) -> tuple[list[tuple[str, float]], float]:
    """A histogram's cumulated buckets, and the sum of what was observed in seconds.

    What the ledger has under another bound than those that are told counts under the next larger one.
    """
    series, told = [f"{duration}:{priority}" for priority in priorities], frozenset(TOLD[duration])
    buckets: list[tuple[str, float]] = []
    count = 0
    for bound in (*BOUNDS, "+Inf"):
        count += sum(fields.get(f"{each}:{bound}", 0) for each in series)
        if bound in told:
            buckets.append((str(float(bound)), count))
    return [*buckets, ("+Inf", count)], sum(fields.get(f"{each}:us", 0) for each in series) / 1e6


def _family(
    family: CounterMetricFamily | GaugeMetricFamily, figure: str, workers: Iterable[overview.WorkerOverview]
) -> Metric:
    for worker in workers:
        if figure in worker.figures:  # a worker of an earlier version does not tell all
            family.add_metric([worker.model, worker.name], worker.figures[figure])
    return family
