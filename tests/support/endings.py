"""Ends of single jobs, as a worker writes them."""

from __future__ import annotations

from tasks.ledger.leases import Holder, Leases, Verdict
from tasks.records.outcome import Outcome


def succeed(leases: Leases, holder: Holder, job_id: str, fence: int, num_events: int, outcome: Outcome) -> Verdict:
    return leases.write([leases.succeed(holder, job_id, fence, num_events, outcome)])[0]


def fail(leases: Leases, holder: Holder, job_id: str, fence: int, num_events: int, error: str) -> Verdict:
    return leases.write([leases.fail(holder, job_id, fence, num_events, error)])[0]


def put_off(
    leases: Leases, holder: Holder, job_id: str, fence: int, num_events: int, error: str, *, seconds: float
) -> Verdict:
    return leases.write([leases.put_off(holder, job_id, fence, num_events, error, seconds=seconds)])[0]
