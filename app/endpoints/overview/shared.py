"""The cluster at a glance, read from Redis in sums: it costs the same however many jobs and workers there are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from app.endpoints.overview.view import glance
from app.endpoints.overview.wire import ModelGlance, RedisGlance
from app.services.services import Services
from tasks.ledger import dead_letters, overview, scaling


@dataclass(frozen=True, slots=True)
class Glance:
    """All of it, which no caller but an admin sees."""

    at: float
    models: Sequence[ModelGlance]
    redis: RedisGlance


def read(to: Services) -> Glance:
    """The cluster now, in a few round trips. Raises redis-py's errors when Redis is away."""
    client, served = to.redis, to.models.served
    names = [*served, *to.ledger.missing.models(served)]
    queues, crews = overview.queues(client, names), overview.crews(client, names)
    healths, supplies = overview.health(client, names), scaling.supplies(client, names)
    dead = dead_letters.numbers(client, names)
    models = [
        glance(
            queue,
            crew=crews[queue.model],
            health=healths[queue.model],
            supply=supplies[queue.model],
            in_catalogue=queue.model in served,
            dead_letters=dead[queue.model],
        )
        for queue in queues
    ]
    return Glance(round(time.time(), 3), models, _redis(client))


def _redis(client: redis.Redis) -> RedisGlance:
    used, most = overview.memory(client)
    return {"used_bytes": used, "max_bytes": most or None}
