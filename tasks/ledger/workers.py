"""What a worker says of itself: that it lives and with what figures, how its start goes, which suspect it tries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.line import SWEPT_AT_ONCE, Swept
from tasks.ledger.scripts import Scripts
from tasks.records.job import MAX_CRASHES

TRIAL_TTL = 3600
"""Seconds that a dead worker's trial is remembered: until its last lease has run out and the sweep has seen that."""
Found = Literal["crashed", "killed", "worker_restarted"]
"""How a worker's death was found: its parent saw its process crash, or end from outside; or nobody saw it."""


class Workers:
    """Writes what workers say of themselves. All methods raise redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, run: Scripts, *, unclaimed_seconds: float) -> None:
        self._redis = client
        self._run = run
        self._unclaimed_seconds = unclaimed_seconds

    def report(
        self,
        model: str,
        worker: str,
        ttl_seconds: float,
        figures: Mapping[str, str | int | float],
        *,
        computes: str = "",
    ) -> None:
        """Say that a worker lives, and what it holds; it counts as dead when this is older than `ttl_seconds`.

        Args:
            computes: that of its `Holder`.
        """
        pairs = [part for pair in figures.items() for part in pair]
        self._run("report", model, worker, ttl_seconds, computes, *pairs)

    def report_start(self, model: str, worker: str, start: Mapping[str, object], ttl_seconds: float) -> None:
        """Say how the start of a worker goes that does not serve yet; forgotten after `ttl_seconds`."""
        self._run("start", model, worker, ttl_seconds, json.dumps(start))

    def keep_wanted(self, model: str, seconds: float, *, loaded: bool) -> None:
        """Have a wanted model stay so while it loads; or begin its keep-alive, when it is loaded.

        Args:
            seconds: from now on; while it loads, at least.
        """
        self._run("keep_wanted", model, max(1, round(seconds * 1000)), int(loaded))

    def forget_start(self, model: str, worker: str) -> None:
        """Say nothing more of a worker's start."""
        self._redis.hdel(redis_keys.starts(model), worker)

    def retire(self, model: str, worker: str) -> None:
        """Say that a worker has stopped."""
        self._run("retire", model, worker)

    def release(self, model: str, worker: str, *, reason: Found = "worker_restarted", how: str = "") -> Swept:
        """Give back what an earlier process of this name was running.

        Args:
            how: what was seen of its death, in words.
        """
        reclaimed, ended, more = 0, [], True
        while more:
            taken, failed, more = self._run(
                "release_worker", model, worker, MAX_CRASHES, reason, how, self._unclaimed_seconds,
                SWEPT_AT_ONCE, reclaimed,
            )  # fmt: skip
            reclaimed += taken
            ended += failed
        return Swept(reclaimed, 0, ended)

    def begin_trial(self, worker: str, job_id: str) -> None:
        """Write down that a worker is about to decode a suspect and nothing else."""
        with refusals_as_absence():
            self._redis.set(redis_keys.trial(worker), job_id, ex=TRIAL_TTL)

    def end_trial(self, worker: str) -> None:
        """It has survived that."""
        with refusals_as_absence():
            self._redis.delete(redis_keys.trial(worker))
