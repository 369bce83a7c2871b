"""What is read and written by whoever starts and stops workers: jobs, workers and wants of models, and decisions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Literal

import redis

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.overview import Health, crew_of, health_of

MOST_DECISIONS = 50
SUPPLY_SECONDS = 15
"""After so long what was said of a model is forgotten: whoever said it has ended, or has not seen Redis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A model's jobs and workers at one moment.

    Args:
        waiting: jobs that no worker has claimed and that workers may be given: none while the queue is paused.
        running: jobs that workers have claimed.
        accepted: jobs that were ever accepted.
        job_seconds: how long a job has had a slot lately; 0 if none has ended.
        wanted_seconds: until its keep-alive is over; 0 if it is not wanted.
        asked: what somebody has asked for, and when: `load 1700000000.0`. '' if nobody has.
        workers: the names of live workers.
        held: how many jobs each worker holds that was asked for.
    """

    waiting: int
    running: int
    accepted: int
    job_seconds: float
    wanted_seconds: float
    asked: str
    workers: frozenset[str]
    health: Health
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decision, as it is remembered: when, of which model and worker, and why."""

    at: float
    action: Literal["start", "stop", "evict"]
    model: str
    worker: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What whoever starts workers says of a model.

    Args:
        draining: how many of its workers are about to stop.
        starting: how many of its workers do not serve yet.
        absent: whether its file is not on this machine yet.
        reason: why no worker of it can start just now; '' if none must.
    """

    draining: int = 0
    starting: int = 0
    absent: bool = False
    reason: str = ""


def demands(client: redis.Redis, workers: Mapping[str, Collection[str]]) -> dict[str, Demand]:
    """The demand of some models, in one round trip.

    Args:
        workers: by model, workers whose jobs are counted.
    """
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for model, names in workers.items():
        pipe.zcard(redis_keys.pending(model))
        pipe.zcard(redis_keys.running(model))
        pipe.scard(redis_keys.slotless(model))
        pipe.get(redis_keys.queue_state(model))
        pipe.hmget(redis_keys.totals(model), "accepted:high", "accepted:normal", "accepted:low")
        pipe.hgetall(redis_keys.crew(model))
        pipe.zrange(redis_keys.workers(model), 0, -1, withscores=True)
        pipe.hgetall(redis_keys.starts(model))
        pipe.hgetall(redis_keys.trouble(model))
        pipe.pttl(redis_keys.wanted(model))
        pipe.get(redis_keys.asked(model))
        for name in names:
            pipe.scard(redis_keys.held(name))
    (seconds, micros), *replies = pipe.execute()
    told, now = iter(replies), seconds + micros / 1e6
    return {model: _demand(told, names, now) for model, names in workers.items()}


def _demand(told: Any, names: Collection[str], now: float) -> Demand:
    pending, running, small, state, accepted, crew, workers, starts, trouble, wanted, asked = islice(told, 11)
    waiting = max(0, pending - running)
    return Demand(
        waiting=0 if state == "paused" else max(min(1, waiting), waiting - small),  # who needs no slot needs a worker
        running=running,
        accepted=sum(int(each or 0) for each in accepted),
        job_seconds=crew_of(crew).job_seconds,
        wanted_seconds=max(0, wanted) / 1000,
        asked=asked or "",
        workers=frozenset(name for name, until in workers if until > now),
        health=health_of(starts, trouble, pending, now=now),
        held={name: next(told) for name in names},
    )


def record(client: redis.Redis, records: Sequence[Record]) -> None:
    """Remember decisions, oldest first, and forget all but the last `MOST_DECISIONS`."""
    with refusals_as_absence():
        pipe = client.pipeline()
        pipe.lpush(redis_keys.decisions(), *(json.dumps(asdict(each)) for each in records))
        pipe.ltrim(redis_keys.decisions(), 0, MOST_DECISIONS - 1)
        pipe.execute()


def recorded(client: redis.Redis) -> list[Record]:
    """The last decisions, newest first, but for those of releases that write others."""
    found = []
    for told in client.lrange(redis_keys.decisions(), 0, MOST_DECISIONS - 1):
        with suppress(TypeError):
            found.append(Record(**json.loads(told)))
    return found


def say(client: redis.Redis, supplies: Mapping[str, Supply]) -> None:
    """Say what workers models have and cannot have; forgotten after `SUPPLY_SECONDS` unless said again."""
    with refusals_as_absence():
        pipe = client.pipeline(transaction=False)
        for model, supply in supplies.items():
            pipe.set(redis_keys.supply(model), json.dumps(asdict(supply)), ex=SUPPLY_SECONDS)
        pipe.execute()


def supplies(client: redis.Redis, models: Iterable[str]) -> dict[str, Supply]:
    """What is said of some models, in one round trip."""
    models = list(models)
    told = client.mget([redis_keys.supply(model) for model in models]) if models else []
    return {model: _supply(each) for model, each in zip(models, told, strict=True)}


def _supply(told: str | bytes | None) -> Supply:
    """What is said of a model; nothing, if another release says it otherwise."""
    with suppress(TypeError):
        return Supply(**json.loads(told or "{}"))
    return Supply()
