"""How long jobs take: the durations that the ledger keeps a histogram of, and the bounds of their buckets."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.records.outcome import Outcome

BOUNDS = (
    *("0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"),
    *("20", "30", "60", "120", "300", "600", "1800", "3600"),
)
"""Seconds, as texts, since they name fields of hashes. Between a token of a GPU and a bulk job that waits its turn."""

TOLD: Mapping[str, tuple[str, ...]] = {
    "wait": ("0.1", "0.5", "1", "5", "10", "30", "60", "300", "1800"),
    "prefill": ("0.025", "0.1", "0.25", "0.5", "1", "2.5", "10", "60"),
    "first_token": ("0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300"),
    "token": ("0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "1"),
    "total": ("0.5", "1", "2.5", "5", "10", "30", "60", "300", "1800"),
}
"""Of these bounds those that a scrape tells, by duration: the range in which it lies. The ledger keeps all, so that a
release that tells others has the same counts, and none falls at an upgrade."""

BY_PRIORITY = frozenset({"wait", "total"})
"""Durations that are told by priority; the others hardly depend on it."""

DURATIONS: Mapping[str, str] = {
    "wait": "Seconds from a job's acceptance until it had a slot.",
    "prefill": "Seconds from a job's slot until its first token, in the attempt that ended it.",
    "first_token": "Seconds from a job's acceptance until its first token was in its stream.",
    "token": "Seconds between two tokens of a choice, the mean of each job.",
    "total": "Seconds from a job's acceptance until its end.",
}
"""All are of jobs that succeeded and needed a slot."""


def measured(outcome: Outcome) -> dict[str, float]:
    """The durations that only the job's worker knows; the ledger knows the others by its own clock."""
    timings = outcome.timings
    if timings is None:
        return {}
    found = {"wait": timings.queue_seconds, "prefill": timings.prefill_seconds}
    if timings.tokens_per_second and outcome.choices:
        each = timings.decode_seconds * timings.tokens_per_second / len(outcome.choices)
        if each >= 1.5:  # one token alone has no other to be measured from
            found["token"] = timings.decode_seconds / (each - 1)
    return found
