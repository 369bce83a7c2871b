"""What the cluster looks like just now, read from the ledger: queues and workers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast

import redis

from tasks.ledger import redis_keys
from tasks.records.job import Priority, QueueState


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """One model's queue. `queued` counts by priority."""

    model: str
    state: QueueState
    queued: Mapping[str, int]
    running: int
    oldest_age_seconds: float

    @property
    def depth(self) -> int:
        return sum(self.queued.values())


MEASURES = ("n_ctx_train", "n_embd", "n_params", "n_vocab", "size")


@dataclass(frozen=True, slots=True)
class WorkerOverview:
    """One live worker, as it last reported itself; `figures` are counts since it started.

    A worker of another release may report fewer or other figures: what is missing counts as nothing.
    """

    name: str
    model: str
    figures: Mapping[str, float]
    processor: str = ""
    """What computes its model."""

    @property
    def slots(self) -> int:
        return int(self.figures.get("slots", 0))

    @property
    def busy(self) -> int:
        return int(self.figures.get("busy", 0))

    @property
    def context(self) -> int | None:
        """Tokens that a sequence may have; None if it does not say."""
        return int(self.figures["context"]) if "context" in self.figures else None

    @property
    def measures(self) -> dict[str, int] | None:
        """Its model's sizes, as `tasks.engine.backend.Vocabulary` has them; None if it does not say."""
        found = {name: int(self.figures[name]) for name in MEASURES if name in self.figures}
        return found if len(found) == len(MEASURES) else None

    @property
    def tokens_per_second(self) -> float:
        """In the last second with work."""
        return self.figures.get("tokens_per_second", 0.0)

    @property
    def job_seconds(self) -> float:
        """How long a job has had a slot lately; 0 if none has ended."""
        return self.figures.get("job_seconds", 0.0)


@dataclass(frozen=True, slots=True)
class Crew:
    """What a model's live workers have together. Scripts keep these sums: `tasks/ledger/lua/lib/crew.lua`.

    A worker that died stays in them until its lease has run out and the sweep has seen that.
    """

    workers: int = 0
    slots: int = 0
    busy: int = 0
    tokens_per_second: float = 0.0
    """In the last second with work."""
    job_seconds: float = 0.0
    """How long a job has had a slot lately, the mean of the workers that know; 0 if none has ended a job."""


@dataclass(frozen=True, slots=True)
class StartOverview:
    """A worker that does not serve yet: ``loading``, or ``failed`` with the reason."""

    worker: str
    state: Literal["loading", "failed"]
    phase: str
    progress: float | None
    """Of downloading or loading the file, from 0 to 1."""
    reason: str
    bytes: int | None = None
    """Of the model's files that are here, while they are downloaded; of `total_bytes`, 0 if that is not known."""
    total_bytes: int = 0

    @property
    def downloads(self) -> bool:
        """Whether the files are being downloaded."""
        return self.state == "loading" and self.phase == "downloading"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a model can be served: its workers that do not serve yet, and jobs that workers died of one by one."""

    starts: Sequence[StartOverview]
    trouble: Mapping[str, str]
    """By job, how its worker died; of those since a job of the model had a token last."""
    pending: int = 0
    """Jobs of the model that have not ended."""

    @property
    def in_trouble(self) -> bool:
        """Whether it is the model that fails and not a job, as ``lua/lib/trouble.lua`` has it."""
        return len(self.trouble) > 1 and self.pending > 0

    def failed(self, *, serving: bool) -> bool:
        """Whether no worker can serve the model just now, and one has tried; `serving` is whether one is ready."""
        states = {start.state for start in self.starts}
        return self.in_trouble or (not serving and states == {"failed"})

    @property
    def downloading(self) -> bool:
        """Whether a worker downloads the model, and no other is further."""
        phases = {start.phase for start in self.starts if start.state == "loading"}
        return "downloading" in phases and phases <= {"downloading", "starting"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one model since the ledger began; the fields are those of ``lua/lib/count.lua``."""

    model: str
    totals: Mapping[str, int]
    counters: Mapping[str, int]
    histograms: Mapping[str, int]
    dead_letters: int


@dataclass(frozen=True, slots=True)
class WebhookOverview:
    """Webhooks that have not been delivered, the seconds since the end of the first of their jobs, and counts."""

    pending: int
    oldest_age_seconds: float
    totals: Mapping[str, int]


def queues(client: redis.Redis, models: Iterable[str]) -> list[QueueOverview]:
    """The queues of some models, in one round trip."""
    models = list(models)
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for model in models:
        pipe.hgetall(redis_keys.queued_by_priority(model))
        pipe.zcard(redis_keys.running(model))
        pipe.zrange(redis_keys.pending(model), 0, 0, withscores=True)
        pipe.get(redis_keys.queue_state(model))
    (seconds, micros), *rows = pipe.execute()
    now = seconds + micros / 1e6
    return [
        QueueOverview(
            model=model,
            state=QueueState(state or QueueState.OPEN),
            queued={priority.value: int(queued.get(priority.value, 0)) for priority in Priority},
            running=running,
            oldest_age_seconds=max(0.0, now - oldest[0][1]) if oldest else 0.0,
        )
        for model, queued, running, oldest, state in zip(models, *(rows[i::4] for i in range(4)), strict=True)
    ]


def crews(client: redis.Redis, models: Iterable[str]) -> dict[str, Crew]:
    """The crews of some models, in one round trip."""
    models = list(models)
    pipe = client.pipeline(transaction=False)
    for model in models:
        pipe.hgetall(redis_keys.crew(model))
    return {model: crew_of(sums) for model, sums in zip(models, pipe.execute(), strict=True)}


def crew_of(sums: Mapping[str, str]) -> Crew:
    """What ``crew:{model}`` says."""
    found = {name: int(value) for name, value in sums.items()}
    timed = found.get("timed", 0)
    return Crew(
        workers=found.get("workers", 0),
        slots=found.get("slots", 0),
        busy=found.get("busy", 0),
        tokens_per_second=float(found.get("tokens_per_second", 0)),
        job_seconds=found["job_micros"] / 1e6 / timed if timed else 0.0,
    )


def workers(client: redis.Redis, models: Iterable[str], *, most: int | None = None) -> list[WorkerOverview]:
    """The workers of some models that have reported themselves lately.

    Args:
        most: of each model; all, if none is given. Each costs a read: for sums there is `crews`.
    """
    pipe = client.pipeline(transaction=False)
    for model in models:
        pipe.zrange(redis_keys.workers(model), 0, -1 if most is None else most - 1)
    names = [name for members in pipe.execute() for name in members]
    for name in names:
        pipe.hgetall(redis_keys.worker(name))
    return [
        WorkerOverview(name, fields.pop("model"), _numbers(fields), fields.get("processor", ""))
        for name, fields in zip(names, pipe.execute(), strict=True)
        if fields
    ]


def eta_seconds(crew: Crew, position: int) -> float | None:
    """Seconds until a queued job is likely to begin; None if no worker of its model lives, or none has ended a job.

    It is how many jobs must end before its turn, times how often one has ended lately. A full queue's ``Retry-After``
    is made of the same figures, by ``seconds_a_job`` in ``lua/lib/job_rate.lua``.

    Args:
        crew: that of its model.
        position: how many jobs begin before its wait ends, itself counted.
    """
    if not crew.slots or not crew.job_seconds:
        return None
    free = max(0, crew.slots - crew.busy)
    return max(0, position - free) / crew.slots * crew.job_seconds


def health(client: redis.Redis, models: Iterable[str]) -> dict[str, Health]:
    """Whether each of some models can be served, in one round trip."""
    models = list(models)
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for model in models:
        pipe.hgetall(redis_keys.starts(model))
        pipe.hgetall(redis_keys.trouble(model))
        pipe.zcard(redis_keys.pending(model))
    (seconds, _), *rows = pipe.execute()
    return {
        model: health_of(starts, trouble, pending, now=seconds)
        for model, starts, trouble, pending in zip(models, *(rows[at::3] for at in range(3)), strict=True)
    }


def health_of(starts: Mapping[str, str], trouble: Mapping[str, str], pending: int, *, now: float) -> Health:
    """What ``starts:{model}`` and ``trouble:{model}`` say; `now` by the clock of Redis."""
    return Health([start for reply in starts.items() if (start := _start(*reply, now=now))], trouble, pending)


def counts(client: redis.Redis, models: Iterable[str]) -> list[Counts]:
    """What the ledger has counted of some models, in one round trip."""
    models = list(models)
    pipe = client.pipeline(transaction=False)
    for model in models:
        pipe.hgetall(redis_keys.totals(model))
        pipe.hgetall(redis_keys.counters(model))
        pipe.hgetall(redis_keys.histograms(model))
        pipe.zcard(redis_keys.dead_letters(model))
    rows = pipe.execute()
    return [
        Counts(model, _whole(totals), _whole(counters), _whole(histograms), dead)
        for model, totals, counters, histograms, dead in zip(models, *(rows[i::4] for i in range(4)), strict=True)
    ]


def webhooks(client: redis.Redis) -> WebhookOverview:
    """The outbox of webhooks."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zcard(redis_keys.webhooks_pending())
    pipe.zrange(redis_keys.webhooks_pending(), 0, 0, withscores=True)
    pipe.hgetall(redis_keys.webhooks())
    (seconds, _), pending, oldest, totals = pipe.execute()
    return WebhookOverview(pending, max(0.0, seconds - oldest[0][1]) if oldest else 0.0, _whole(totals))


def memory(client: redis.Redis) -> tuple[int, int]:
    """Bytes that Redis uses, and may use; 0 is any."""
    reply = cast("Mapping[str, int]", client.info("memory"))
    return reply["used_memory"], reply.get("maxmemory", 0)


def _start(worker: str, reply: str, *, now: float) -> StartOverview | None:
    fields = json.loads(reply)
    if fields["until"] <= now:
        return None
    progress, reason = fields.get("progress"), fields.get("reason", "")
    sizes = fields.get("bytes"), fields.get("total_bytes") or 0
    return StartOverview(worker, fields["state"], fields["phase"], progress, reason, *sizes)


def _numbers(fields: Mapping[str, str]) -> dict[str, float]:
    """The fields that are numbers: a worker of another version may tell others."""
    numbers = {}
    for name, value in fields.items():
        with suppress(ValueError):
            numbers[name] = float(value)
    return numbers


def _whole(fields: Mapping[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in fields.items()}
