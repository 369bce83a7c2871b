"""What must be gone when all jobs have ended: slots in use, dead letters and, later, every trace."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from tasks.ledger import redis_keys
from tests.fault.chaos.cluster import RESULT_TTL, WORKERS
from tests.fault.chaos.ledger import Ledger
from tests.fault.chaos.verify import Violation

SETTLE_SECONDS = 30.0
TTL_GRACE_SECONDS = 10.0
COUNTED = ("totals", "counters", "histograms", "webhooks")
OF_MODELS = ("queued", "fair", "lanes", "want", "leader", "probe", "ready", "starts", "models")
LASTING = ("worker", "workers", "crew", "counted", *COUNTED, *OF_MODELS)
"""Kinds of keys of the ledger that belong to no job."""
BROKERS_OWN = ("_kombu.", "unacked_mutex")


def slots_in_use(reports: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What workers say that they still hold; and those that say nothing."""
    return [
        *(f"{name} does not report itself" for name in WORKERS if name not in reports),
        *(
            f"{name} reports {report['busy']} busy slots and {report['held']} jobs held"
            for name, report in reports.items()
            if report["busy"] != "0" or report["held"] != "0"
        ),
    ]


def ledger_leftovers(keys: Iterable[str]) -> list[str]:
    """Keys that should have gone with the jobs, by kind."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if not key.startswith(redis_keys.PREFIX):
            found["a stranger's"].append(key)
        elif (kind := key.removeprefix(redis_keys.PREFIX).partition(":")[0]) not in LASTING:
            found[kind].append(key)
    return [
        f"{len(keys)} keys of the kind {kind}: {', '.join(sorted(keys)[:3])}" for kind, keys in sorted(found.items())
    ]


def broker_leftovers(sizes: Mapping[str, int]) -> list[str]:
    """Messages, and what notes that they are under way."""
    return [f"{key} with {count}" for key, count in sorted(sizes.items()) if not key.startswith(BROKERS_OWN)]


def check_slots(ledger: Ledger) -> list[Violation]:
    """Call it when every job has ended."""
    dead = [Violation("dead letter", job_id, "it is among the dead letters") for job_id in ledger.dead_letters()]
    return dead + [_leak(what) for what in _until_empty(lambda: slots_in_use(ledger.workers()))]


def check_totals(ledger: Ledger, accepted: int, ended: Mapping[str, int]) -> list[Violation]:
    """The ledger's own count against ours: a job that it accepted twice, or that we were never told of."""
    totals, ours = ledger.totals(), {"accepted": accepted, **ended}
    if totals == ours:
        return []
    return [Violation("lost", "", f"the ledger has counted {totals}, the clients {ours}")]


def check_keys(ledger: Ledger) -> list[Violation]:
    """Wait until the last results are old enough, then look for what is left of the jobs."""
    time.sleep(RESULT_TTL + TTL_GRACE_SECONDS)
    return [_leak(what) for what in _until_empty(lambda: list(_traces(ledger)))]


def _traces(ledger: Ledger) -> Iterator[str]:
    yield from (f"ledger: {what}" for what in ledger_leftovers(ledger.keys()))
    yield from (f"broker: {what}" for what in broker_leftovers(ledger.broker_keys()))
    yield from (f"ledger: {count} {name} jobs counted in the line" for name, count in ledger.queued().items() if count)


def _leak(what: str) -> Violation:
    return Violation("leak", "", what)


def _until_empty(find: Callable[[], list[str]]) -> list[str]:
    """What is still there after some seconds: reports come once a second, and events are on their way to Flower."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found
