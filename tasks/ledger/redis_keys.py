"""Names of the ledger's keys and channels in Redis."""

from __future__ import annotations

PREFIX = "caravan:"


def job(job_id: str) -> str:
    return f"{PREFIX}job:{job_id}"


def log(job_id: str) -> str:
    return f"{PREFIX}log:{job_id}"


def tokens(job_id: str) -> str:
    return f"{PREFIX}tok:{job_id}"


def published(model: str) -> str:
    return f"{PREFIX}out:{model}"


def running(model: str) -> str:
    return f"{PREFIX}run:{model}"


def pending(model: str) -> str:
    return f"{PREFIX}pend:{model}"


def queued_by_priority(model: str) -> str:
    return f"{PREFIX}queued:{model}"


def totals(model: str) -> str:
    return f"{PREFIX}totals:{model}"


def counters(model: str) -> str:
    return f"{PREFIX}counters:{model}"


def histograms(model: str) -> str:
    return f"{PREFIX}histograms:{model}"


def webhooks() -> str:
    return f"{PREFIX}webhooks"


def webhooks_pending() -> str:
    return f"{PREFIX}hooks:pending"


def crew(model: str) -> str:
    return f"{PREFIX}workers:{model}"


def worker(name: str) -> str:
    return f"{PREFIX}worker:{name}"


def trial(worker_name: str) -> str:
    return f"{PREFIX}trial:{worker_name}"


def starts(model: str) -> str:
    """What each worker that does not serve yet said of its start."""
    return f"{PREFIX}starts:{model}"


def trouble(model: str) -> str:
    """Jobs that workers died of while they ran nothing else, since a job of the model had a first token."""
    return f"{PREFIX}trouble:{model}"


def dead_letters(model: str) -> str:
    return f"{PREFIX}dlq:{model}"


def queue_state(model: str) -> str:
    return f"{PREFIX}state:{model}"


def wanted(model: str) -> str:
    """A set with one member, and not a string: what scales by it counts members (KEDA knows no strings)."""
    return f"{PREFIX}want:{model}"


def bell(model: str) -> str:
    return f"{PREFIX}bell:{model}"


def idempotency(owner: str, key: str) -> str:
    return f"{PREFIX}idem:{owner}:{key}"


def owned(owner: str) -> str:
    return f"{PREFIX}jobs:{owner}"


def in_flight(owner: str) -> str:
    return f"{PREFIX}live:{owner}"


def file(file_id: str) -> str:
    return f"{PREFIX}file:{file_id}"


def files(owner: str) -> str:
    return f"{PREFIX}files:{owner}"


def old_files() -> str:
    """Files by when they expire."""
    return f"{PREFIX}files:old"


def batch(batch_id: str) -> str:
    return f"{PREFIX}batch:{batch_id}"


def batches(owner: str) -> str:
    return f"{PREFIX}batches:{owner}"


def old_batches() -> str:
    """Batches that have ended, by when they are forgotten."""
    return f"{PREFIX}bulk:old"


def key(digest: str) -> str:
    return f"{PREFIX}key:{digest}"


def keys() -> str:
    return f"{PREFIX}keys"


def rates() -> str:
    """What the names of all windows of rate limits begin with."""
    return f"{PREFIX}rate"


def probe() -> str:
    return f"{PREFIX}probe"


def sweep_leader() -> str:
    return f"{PREFIX}leader:sweep"
