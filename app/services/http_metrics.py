"""HTTP figures of the web processes, and the page that tells them together with the ledger's."""

from __future__ import annotations

import os
import resource
import time

import redis
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tasks.ledger.prometheus import LedgerCollector
from tasks.models.catalogue import Catalogue

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A client may invent methods; each would be a new series."""

BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10, 60)
"""Seconds. Calls that wait for a job take as long as it does."""


MEMORY_SECONDS = 1.0
"""How often a process says how much memory it has had."""


class HttpMetrics:
    """Counts requests by route. gunicorn's processes share counts through ``PROMETHEUS_MULTIPROC_DIR``."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("caravan_http_requests", "Requests answered.", labels, registry=self._own)
        self._seconds = Histogram(
            "caravan_http_request_seconds",
            "Seconds until the headers were sent.",
            ["route"],
            registry=self._own,
            buckets=BUCKETS,
        )
        self.redis_errors = Counter("caravan_redis_errors", "Failed calls to Redis.", registry=self._own)
        self._memory = Gauge(
            "caravan_web_memory_bytes",
            "Largest resident memory of each web process so far, summed.",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._memory_due = 0.0

    def install(self, app: Flask) -> None:
        """Count every request."""

        @app.before_request
        def begin() -> None:
            g.began = time.perf_counter()

        @app.after_request
        def count(response: Response) -> Response:
            route = request.url_rule.rule if request.url_rule else "unmatched"
            method = request.method if request.method in METHODS else "OTHER"
            self._requests.labels(method, route, response.status_code).inc()
            self._seconds.labels(route).observe(time.perf_counter() - g.began)
            self._tell_memory()
            return response

    def _tell_memory(self) -> None:
        """Once a second at most: nobody reads it more often, and each time is a call to the system."""
        now = time.monotonic()
        if now >= self._memory_due:
            self._memory_due = now + MEMORY_SECONDS
            self._memory.set(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

    def page(self, client: redis.Redis, catalogue: Catalogue) -> bytes:
        """All figures of the cluster in Prometheus' text format."""
        registry = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry) + self._ledger(client, catalogue)
        return generate_latest(self._own) + self._ledger(client, catalogue)

    def _ledger(self, client: redis.Redis, catalogue: Catalogue) -> bytes:
        registry = CollectorRegistry()
        registry.register(LedgerCollector(client, catalogue))
        return generate_latest(registry)
