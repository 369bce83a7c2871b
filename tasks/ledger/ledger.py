"""The ledger: job records in Redis, and all that is kept of them. It is the truth; the broker's messages are hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import redis

from tasks.ledger.admission import Admission
from tasks.ledger.connection import connect
from tasks.ledger.jobs import Jobs
from tasks.ledger.leases import Leases
from tasks.ledger.line import Line
from tasks.ledger.missing import Missing
from tasks.ledger.scripts import Scripts
from tasks.ledger.wants import Wants
from tasks.ledger.workers import Workers
from tasks.settings import Settings


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger by its callers: who reads, the front, the dispatcher and the sweep, the workers."""

    jobs: Jobs
    admission: Admission
    line: Line
    leases: Leases
    workers: Workers
    missing: Missing
    wants: Wants

    @classmethod
    def over(
        cls,
        client: redis.Redis,
        *,
        result_ttl: int,
        lease_seconds: float,
        unclaimed_seconds: float,
        ageing_seconds: float,
        replicas: int = 0,
    ) -> Self:
        """The ledger behind a client of Redis. Times are seconds, as in the settings of these names."""
        run = Scripts(client)
        return cls(
            Jobs(client, run),
            Admission(client, run, result_ttl=result_ttl, replicas=replicas),
            Line(run, unclaimed_seconds=unclaimed_seconds, ageing_seconds=ageing_seconds),
            Leases(run, lease_seconds=lease_seconds),
            Workers(client, run, unclaimed_seconds=unclaimed_seconds),
            Missing(client),
            Wants(client),
        )


def open_ledger(settings: Settings, client: redis.Redis | None = None) -> Ledger:
    """The ledger that the settings name, over a client that is there already or one of its own."""
    return Ledger.over(
        client or connect(settings.ledger_url),
        result_ttl=settings.result_ttl,
        lease_seconds=settings.lease_seconds,
        unclaimed_seconds=settings.unclaimed_seconds,
        ageing_seconds=settings.ageing_seconds,
        replicas=settings.redis_replicas,
    )
