"""Keeping what the worker holds: leases extended, figures reported, jobs that were lost let go."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from tasks.engine.figures import EngineFigures
from tasks.engine.step_clock import StepClock
from tasks.ledger.connection import UNAVAILABLE, RedisErrors
from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.logs import get_logger
from tasks.models.catalogue import ModelEntry
from tasks.queue.heartbeat import Heartbeat
from tasks.worker.held import Held, Holdings

log = get_logger(__name__)


class LeaseKeeper:
    """Ticks about once a second, always more often than four times a lease."""

    def __init__(
        self,
        *,
        holder: Holder,
        model: str,
        entry: ModelEntry,
        ledger: Ledger,
        context: int,
        processor: str,
        measures: Mapping[str, int],
        figures: EngineFigures,
        holdings: Holdings,
        lease_seconds: float,
        clocks: Iterable[StepClock],
        stuck_seconds: float,
        redis_errors: RedisErrors,
        heartbeat: Heartbeat,
        on_reported: Callable[[], None],
        on_lost: Callable[[Held, str], None],
        on_stuck: Callable[[], None],
    ) -> None:
        self._holder = holder
        self._model = model
        self._entry = entry
        self._ledger = ledger
        self._context = context
        self._processor = processor
        self._measures = measures
        self._figures = figures
        self._holdings = holdings
        self._heartbeat = heartbeat
        self._on_reported = on_reported
        self._lease_seconds = lease_seconds
        self._clocks = tuple(clocks)
        self._stuck_seconds = stuck_seconds
        self._redis_errors = redis_errors
        self._on_lost = on_lost
        self._on_stuck = on_stuck
        self._leased_until = 0.0
        self._stuck_since = 0.0
        self._interval_seconds = min(1.0, lease_seconds / 4)
        self._generated = 0
        self._measured_at = time.monotonic()
        self._tokens_per_second = 0.0
        self._job_seconds = 0.0

    @property
    def leased(self) -> bool:
        """Whether the leases of what is held are known to run. If not, others may have the jobs already."""
        return time.monotonic() < self._leased_until

    def job_ended(self, seconds: float) -> None:
        """Take notice of how long a job ran; the mean of about the last ten is reported."""
        self._job_seconds += (seconds - self._job_seconds) * (0.1 if self._job_seconds else 1.0)

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop, through any absence of Redis."""
        while True:
            self._beat()
            try:
                self.check()
                self._report()
                self._on_reported()
            except UNAVAILABLE as exc:
                log.warning("leases could not be extended", error=str(exc))
            if stopping.wait(self._interval_seconds):
                return

    def _beat(self) -> None:
        """Whether Redis is there or not: a worker that waits for it is well."""
        if not self._stuck:
            self._heartbeat.beat()

    @property
    def _stuck(self) -> bool:
        return any(clock.stuck(self._stuck_seconds) for clock in self._clocks)

    def check(self) -> None:
        """Extend the leases, and let go of what is ours no more. A worker that is stuck keeps nothing."""
        now = time.monotonic()
        if self._stuck:
            self._stuck_since = self._stuck_since or now
            if now - self._stuck_since >= self._interval_seconds:  # once it may be that the process stood still
                self._on_stuck()
            return
        self._stuck_since = 0.0
        leases = self._holdings.leases()
        for job_id, status in self._ledger.leases.extend(self._holder, self._model, leases).items():
            held = self._holdings.get(job_id)
            if held and held.job.fence == leases[job_id]:
                self._on_lost(held, status)
        self._leased_until = now + self._lease_seconds

    def _measure_speed(self, generated: int) -> None:
        """Tokens a second since the last report with work; an idle worker keeps its last speed."""
        now = time.monotonic()
        if made := generated - self._generated:
            self._tokens_per_second = made / (now - self._measured_at)
        self._generated, self._measured_at = generated, now

    def _of_prefix_cache(self) -> dict[str, int]:
        figures = self._figures
        return {
            "restored_tokens": figures.restored_tokens,
            "cache_hits": figures.cache_hits,
            "cache_pages": figures.cache_pages,
            "cache_bytes": figures.cache_bytes,
            "cache_folder_bytes": figures.cache_folder_bytes,
            "cache_evictions": figures.cache_evictions,
            "cache_refused": figures.cache_refused,
        }

    def _report(self) -> None:
        figures = self._figures
        self._measure_speed(figures.generated_tokens)
        self._ledger.workers.report(
            self._model,
            self._holder.worker,
            self._lease_seconds,
            {
                "pid": os.getppid(),  # the process that whoever tends the worker knows
                "slots": self._entry.slots,
                "context": self._context,
                "processor": self._processor,
                **self._measures,
                "capacity": self._entry.slots + self._entry.lookahead,
                "busy": figures.running,
                "held": len(self._holdings),
                "tokens_per_second": round(self._tokens_per_second, 1),
                "job_seconds": round(self._job_seconds, 3),
                "steps": figures.steps,
                "step_sequences": figures.step_sequences,
                "prompt_tokens": figures.prompt_tokens,
                "generated_tokens": figures.generated_tokens,
                "drafted_tokens": figures.drafted_tokens,
                "accepted_tokens": figures.accepted_tokens,
                "cached_tokens": figures.cached_tokens,
                **(self._of_prefix_cache() if self._entry.prefix_cache else {}),
                "set_back": figures.set_back,
                "outranked": figures.outranked,
                "shared_out": figures.shared_out,
                "queue_seconds": round(figures.queue_seconds, 3),
                "decode_seconds": round(figures.decode_seconds, 3),
                "prefill_seconds": round(figures.prefill_seconds, 3),
                "cells": self._entry.cache_tokens if self._entry.generates else 0,
                "cells_used": figures.cells_used,
                "redis_errors": self._redis_errors.count,
                "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "seen_at": round(time.time(), 3),
            },
            computes=self._holder.computes,
        )
