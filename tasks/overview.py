"""What the cluster looks like just now, read from the ledger: queues and workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import redis

from tasks import names
from tasks.jobs import Priority, QueueState


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """One model's queue. `queued` counts by priority; `totals` counts jobs since the ledger began, by status."""

    model: str
    state: QueueState
    queued: Mapping[str, int]
    running: int
    oldest_age_seconds: float
    totals: Mapping[str, int]

    @property
    def depth(self) -> int:
        return sum(self.queued.values())


@dataclass(frozen=True, slots=True)
class WorkerOverview:
    """One live worker, as it last reported itself; `figures` are counts since it started."""

    name: str
    model: str
    figures: Mapping[str, float]

    @property
    def slots(self) -> int:
        return int(self.figures["slots"])


def queues(client: redis.Redis, models: Iterable[str]) -> list[QueueOverview]:
    """The queues of some models, in one round trip."""
    models = list(models)
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for model in models:
        pipe.hgetall(names.queued_by_priority(model))
        pipe.zcard(names.running(model))
        pipe.zrange(names.pending(model), 0, 0, withscores=True)
        pipe.hgetall(names.totals(model))
        pipe.get(names.queue_state(model))
    (seconds, micros), *rows = pipe.execute()
    now = seconds + micros / 1e6
    return [
        QueueOverview(
            model=model,
            state=QueueState(state or QueueState.OPEN),
            queued={priority.value: int(queued.get(priority.value, 0)) for priority in Priority},
            running=running,
            oldest_age_seconds=max(0.0, now - oldest[0][1]) if oldest else 0.0,
            totals={status: int(count) for status, count in totals.items()},
        )
        for model, queued, running, oldest, totals, state in zip(models, *(rows[i::5] for i in range(5)), strict=True)
    ]


def workers(client: redis.Redis, models: Iterable[str]) -> list[WorkerOverview]:
    """The workers of some models that have reported themselves lately."""
    pipe = client.pipeline(transaction=False)
    for model in models:
        pipe.zrange(names.crew(model), 0, -1)
    found = [name for members in pipe.execute() for name in members]
    for name in found:
        pipe.hgetall(names.worker(name))
    return [
        WorkerOverview(name, fields.pop("model"), {key: float(value) for key, value in fields.items()})
        for name, fields in zip(found, pipe.execute(), strict=True)
        if fields
    ]
