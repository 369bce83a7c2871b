"""What a run was, as plain text and as JSON. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from tests.fault.chaos.load import Record
from tests.fault.chaos.monkey import ENOUGH, Act
from tests.fault.chaos.verify import Class, Violation

MOST_SHOWN = 60
MEANING: Mapping[Class, str] = {
    "lost": "jobs lost, or accepted twice",
    "tokens": "streams with tokens doubled, missing or out of order",
    "text": "texts contradicted",
    "status": "jobs that ended as they should not",
    "answer": "answers that are not in the interface",
    "leak": "slots, keys, messages or processes left over",
    "dead letter": "healthy jobs among the dead letters",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that a run has brought up. `violations` has those of its jobs as well."""

    seed: int
    minutes: float
    commit: str
    acts: Sequence[Act]
    records: Sequence[Record]
    violations: Sequence[Violation]

    @property
    def ended(self) -> Counter[str]:
        return Counter(record.status for record in self.records if record.status)

    @property
    def kills(self) -> list[Act]:
        return [act for act in self.acts if act.kind == "kill worker"]

    @property
    def counted(self) -> list[Act]:
        return [act for act in self.kills if act.counts]

    @property
    def resumed(self) -> list[Record]:
        return [record for record in self.records if record.attempt > 1]


def gaps(acts: Iterable[Act], records: Iterable[Record]) -> list[float]:
    """Seconds from each kill of a worker to the next token of each watched stream that was on it, in rising order.

    The next token is the first under a later fence: tokens that were under way at the kill do not count.
    """
    watched = {record.job_id: record.seen.first_token_at for record in records if record.order.watched}
    found = []
    for act in acts:
        for job_id, fence in act.hit.items():
            later = [at for under, at in watched.get(job_id, {}).items() if under > fence]
            if later:
                found.append(min(later) - act.at)
    return sorted(found)


def quantile(rising: Sequence[float], share: float) -> float:
    """The value that so large a share is not above (nearest rank)."""
    return rising[min(len(rising) - 1, int(share * len(rising)))]


def text(run: Run) -> str:
    """The table, and what is wrong."""
    rows = list(_rows(run))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if run.violations:
        lines += ["", f"Violations ({min(len(run.violations), MOST_SHOWN)} of {len(run.violations)}):"]
        lines += [f"  {one.kind}: {one.job_id or 'the cluster'}: {one.what}" for one in run.violations[:MOST_SHOWN]]
    return "\n".join(lines) + "\n"


def encode(run: Run) -> dict[str, Any]:
    """Everything, for `--json`."""
    began = run.acts[0].at if run.acts else 0.0
    return {
        "seed": run.seed,
        "minutes": run.minutes,
        "commit": run.commit,
        "table": dict(_rows(run)),
        "gaps": [round(gap, 3) for gap in gaps(run.acts, run.records)],
        "violations": [asdict(one) for one in run.violations],
        "acts": [
            {"at": round(act.at - began, 3), "kind": act.kind, "target": act.target, "hit": list(act.hit)}
            for act in run.acts
        ],
        "jobs": [
            {
                "id": record.job_id,
                "key": record.key,
                "kind": record.order.kind,
                "watched": record.order.watched,
                "status": record.status,
                "attempt": record.attempt,
                "reconnects": record.seen.reconnects,
            }
            for record in run.records
        ],
    }


def _rows(run: Run) -> Iterator[tuple[str, str]]:
    accepted = [record for record in run.records if record.job_id]
    yield "seed", str(run.seed)
    yield "minutes", f"{run.minutes:g}"
    yield "commit", run.commit
    yield "acts", str(len(run.acts))
    for kind, count in Counter(act.kind for act in run.acts).most_common():
        yield f"  {kind}", str(count)
    yield f"worker kills counted (decoding {ENOUGH} jobs or more)", f"{len(run.counted)} of {len(run.kills)}"
    if hits := [len(act.hit) for act in run.counted]:
        yield "jobs a counted kill hit (min, mean, max)", f"{min(hits)}, {mean(hits):.1f}, {max(hits)}"
    yield "jobs accepted", str(len(accepted))
    for kind, count in Counter(record.order.kind for record in accepted).most_common():
        yield f"  {kind}", str(count)
    yield "jobs ended", str(run.ended.total())
    for status, count in run.ended.most_common():
        yield f"  {status}", str(count)
    attempts = max((record.attempt for record in run.records), default=0)
    share = len(run.resumed) / max(1, len(accepted))
    yield "jobs resumed", f"{len(run.resumed)} ({share:.0%}), one of them {max(0, attempts - 1)} times"
    yield "watchers' reconnects", str(sum(record.seen.reconnects for record in run.records))
    if found := gaps(run.acts, run.records):
        streamed = ", ".join(f"{quantile(found, share):.2f}" for share in (0.5, 0.95, 1.0))
        yield "seconds from a worker's kill to a stream's next token (p50, p95, max)", f"{streamed} of {len(found)}"
    counts = Counter(one.kind for one in run.violations)
    yield "violations (0 expected)", str(len(run.violations))
    for kind, meaning in MEANING.items():
        yield f"  {meaning}", str(counts[kind])
