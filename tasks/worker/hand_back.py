"""Giving a job back to the line, with all that its worker has sent of it."""

from __future__ import annotations

from tasks.ledger.leases import WRITTEN, Append, GivenBack, Holder, Leases, Verdict
from tasks.worker.held import Held


def hand_back(leases: Leases, holder: Holder, held: Held, reason: GivenBack) -> Verdict:
    """Put a held job back into the line; ``ok``, or its status if it is not the worker's any more.

    What Redis has forgotten of it, because it came back without its last moments, is sent again first.
    """
    job = held.job
    handed = (holder, job.id, job.fence, len(held.events), reason)
    verdict = leases.give_back(*handed)
    if verdict == "gap" and leases.append(holder, [Append(job.id, job.fence, 1, held.events)])[0] in WRITTEN:
        verdict = leases.give_back(*handed)
    return verdict
